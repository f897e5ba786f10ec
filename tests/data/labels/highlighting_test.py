"""HTML of texts with spans, read back by the parser of the standard library."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.instance import SCORES, Instance
from ner_adv_plugin.data.labels.highlighting import HUES, Palette, highlighted, legend
from ner_adv_plugin.data.labels.spans import Span

TYPES = ("PER", "LOC.NAM", '组织"', "<b>&amp;", "")


class Reader(HTMLParser):
    """Reads the characters of a text, each with the titles of the marks around it."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.characters: list[tuple[str, frozenset[str]]] = []
        self.labels: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "mark"
        found = dict(attrs)
        self._open.append(found.get("title") or "")
        if "data-type" in found:
            self.labels.append(found["data-type"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.characters += [(character, frozenset(self._open)) for character in data]


@st.composite
def sentences(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text("王明<>&\"'\n a\u0301😀", max_size=10))
    edge = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(edge, edge, st.sampled_from(TYPES)), max_size=5))
    return text, [Span(min(a, b), max(a, b), name) for a, b, name in pairs]


@given(sentences())
def test_every_character_is_inside_the_marks_of_its_spans(given: tuple[str, list[Span]]) -> None:
    text, spans = given
    found = Reader(highlighted(text, spans, Palette()))
    expected = [
        (c, frozenset(span.type for span in spans if span.start <= i < span.end))
        for i, c in enumerate(text)
    ]
    assert found.characters == expected
    # Each span has its type once, however many marks it is in.
    whole = {span for span in spans if span.start < span.end and span.type}
    assert sorted(found.labels) == sorted(span.type for span in whole)


def test_what_html_does_not_allow_is_shown_as_symbols() -> None:
    text = "\x00\x08\r\n\t\x7f\ud83d<script>"
    found = "".join(c for c, _ in Reader(highlighted(text, [], Palette())).characters)
    assert found == "␀␈␍\n\t␡\ufffd<script>" and len(found) == len(text)


def test_scores_are_in_the_title() -> None:
    spans = [Span(0, 2, "PER"), Span(2, 3, "LOC")]
    scores = {spans[0]: 0.98765, spans[1]: float("nan")}
    found = highlighted("王明在", spans, Palette(), scores)
    assert 'title="PER 0.988"' in found and 'title="LOC"' in found


def test_types_have_different_hues_and_known_ones_always_the_same() -> None:
    names = [f"T{i}" for i in range(len(HUES) - 1)]
    palette = Palette([*names[:5], *names, "PER"])
    assert len(set(palette.hues.values())) == len(HUES)
    assert {Palette([name, "PER"]).hue("PER") for name in ("LOC", "GPE.NAM")} == {216}
    assert palette.hue("one more") in HUES


def test_a_legend_counts_types_and_leaves_out_words() -> None:
    shown = legend({"PER": 2, "<b>": 1, "": 9}, Palette())
    assert "&lt;b&gt;</mark> 1" in shown and "PER</mark> 2" in shown and "9" not in shown
    assert legend({"": 9}, Palette()) == ""


@pytest.mark.parametrize("spans", [None, [Span(0, 2, "PER")]])
def test_sentences_show_themselves_in_notebooks(spans: list[Span] | None) -> None:
    metadata = {SCORES: {Span(0, 2, "PER"): 0.5}}
    shown = Instance("王明在", spans, metadata)._repr_html_()
    assert shown.startswith('<div class="ner"><style>') and shown.endswith("</p></div>")
    assert ("PER 0.500" in shown) == (spans is not None)
