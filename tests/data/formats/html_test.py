"""Pages of sentences, and that writers of files hold few of them."""

import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.formats import CorpusFile, CorpusFormat
from ner_adv_plugin.data.instance import SCORES, Instance
from ner_adv_plugin.data.labels.spans import Span

SENTENCE = Instance(
    "王明<在>北京", [Span(0, 2, "PER"), Span(5, 7, "LOC")], {SCORES: {Span(0, 2, "PER"): 0.75}}
)


class Tags(HTMLParser):
    """Checks that each tag is closed, and collects the text of the body."""

    void = ("meta",)

    def __init__(self, source: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.void:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "main" in self.stack:
            self.text += data


def page(tmp_path: Path, *sentences: Instance, **settings: str) -> str:
    path = tmp_path / "page.html"
    CorpusFormat.from_params({"type": "html", **settings}).write(iter(sentences), path)
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
    return path.read_text(encoding="utf-8")


def test_a_page_has_texts_legend_and_scores_and_loads_nothing(tmp_path: Path) -> None:
    found = page(tmp_path, SENTENCE, Instance("没有"), Instance("无", []), title="<试>")
    tags = Tags(found)
    assert tags.text.split() == ["王明<在>北京", "没有", "无"]
    assert "3 sentences, 2 entities" in found and "<title>&lt;试&gt;</title>" in found
    assert 'title="PER 0.750"' in found and 'class="unlabelled"' in found
    assert found.index('class="legend"') < found.index("<main>")
    assert not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert not re.search(r"https?:|url\(|@import", found)
    for part in ("color-scheme: light dark", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"):
        assert part in found


def test_an_empty_page(tmp_path: Path) -> None:
    found = page(tmp_path)
    assert "0 sentences, 0 entities" in found and Tags(found).text.strip() == ""


def test_a_page_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="page.html: format html is only written, not read"):
        CorpusFormat.from_params("html").read(CorpusFile("page.html"))


@pytest.mark.parametrize(
    "settings",
    [
        "html",
        "doccano",
        "entities",
        "label_studio",
        "prodigy",
        "cluener",
        "language_model",
        "huggingface",
        {"type": "conll", "tag_scheme": "BIOES"},
    ],
    ids=str,
)
def test_writers_hold_few_sentences(settings: str, tmp_path: Path) -> None:
    text = "王明在北京。" * 50
    corpus_format = CorpusFormat.from_params(settings)

    def sentences(number: int) -> Iterator[Instance]:
        return (Instance(f"{i}{text}", [Span(0, len(str(i)), "NUM")]) for i in range(number))

    def peak_and_size(number: int) -> tuple[int, int]:
        tracemalloc.start()
        corpus_format.write(sentences(number), tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak, (tmp_path / "out").stat().st_size

    corpus_format.write(sentences(1), tmp_path / "out")
    (few, small), (many, large) = peak_and_size(300), peak_and_size(900)
    assert large > 2.5 * small and many - few < (large - small) / 4
