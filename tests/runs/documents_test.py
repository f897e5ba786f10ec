"""Documents: all text is literal in Markdown and in HTML."""

from html.parser import HTMLParser

from ner_adv_plugin.runs.documents import Code, Heading, Items, Table, markdown, page

ODD = "<b>甲|乙</b> *c* `d`\n[e]\ud83d & \\"
BLOCKS = [Heading(ODD, 1), ODD, Items([ODD]), Table(["", ODD], [["a", ODD]]), Code("x  <y>\nz")]


class Text(HTMLParser):
    """Collects tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def test_html_holds_the_text_and_no_other_tags() -> None:
    parser = Text()
    parser.feed(page("t", BLOCKS))
    parser.close()
    shown = "<b>甲|乙</b> *c* `d`\\n[e]\\ud83d & \\"
    assert parser.found.count(shown) == 5
    assert "x  <y>\nz" in parser.found
    assert "b" not in parser.tags and parser.tags.count("tr") == 2


def test_markdown_escapes_what_it_would_interpret() -> None:
    text = markdown(BLOCKS)
    shown = r"\<b>甲\|乙\</b> \*c\* \`d\`\\n\[e\]\\ud83d & " + "\\\\"
    assert text.startswith(f"# {shown}\n\n{shown}\n\n- {shown}\n\n|  | {shown} |\n| --- | --- |\n")
    assert text.endswith("```text\nx  <y>\nz\n```\n")
    text.encode("utf-8")
