"""Corpora in memory."""

import json
from pathlib import Path

import pytest

from ner_adv_plugin import Corpus, load_corpus
from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.data import Instance, Span

TEXT = "昨天王明去了北京。\n还没有"
RECORDS = [{"text": TEXT, "label": [[2, 4, "PER"], [6, 8, "LOC"], [2, 3, "X"]]}, {"text": "无"}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path


def test_sentences_with_spans(path: Path) -> None:
    corpus = load_corpus(path)
    assert [(one.text, one.spans) for one in corpus] == [
        (TEXT, [Span(2, 4, "PER"), Span(6, 8, "LOC"), Span(2, 3, "X")]),
        ("无", None),
    ]
    assert len(corpus) == 2 and corpus[1].text == "无" and corpus.types["X"] == 1
    assert isinstance(corpus[:1], Corpus) and len(corpus[:1]) == 1
    assert repr(corpus) == ("Corpus of 2 sentences (1 unlabelled), 3 entities (LOC 1, PER 1, X 1)")


def test_what_is_to_be_kept(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus = load_corpus(
        str(path),
        {"type": "doccano"},
        split_lines=True,
        overlaps="outermost",
        type_map={"PER": "人", "LOC": None},
    )
    assert [(one.text, one.spans) for one in corpus] == [
        (TEXT.split("\n")[0], [Span(2, 4, "人")]),
        ("还没有", []),
        ("无", None),
    ]
    assert "1 overlapping entities dropped" in caplog.text


def test_errors_are_those_of_convert(tmp_path: Path, path: Path) -> None:
    with pytest.raises(UserError, match='^format: no format "docano". Did you mean "doccano"'):
        load_corpus(path, "docano")
    with pytest.raises(DataError, match="no such file"):
        load_corpus(tmp_path / "missing.jsonl")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a", "label": [[0, 2, "X"]]}\n')
    with pytest.raises(DataError, match=r"bad.jsonl:1: found 'X \[0, 2\]'"):
        load_corpus(bad)
    bad.write_bytes("我们在大学\tO\n".encode("gbk"))
    with pytest.raises(DataError, match="GB"):
        load_corpus(bad, "conll")
    assert load_corpus(bad, "conll", encoding="gbk")[0].text == "我们在大学"


@pytest.mark.parametrize(
    ("name", "kind"), [("out.bio", None), ("out.jsonl", None), ("out", "brat"), ("out.x", "bmes")]
)
def test_saved_corpora_are_loaded_again(name: str, kind: str | None, tmp_path: Path) -> None:
    corpus = Corpus([Instance("王明", [Span(0, 2, "PER")]), Instance("好", [])])
    for _ in range(2):
        corpus.save(tmp_path / "new" / name, kind)
    found = load_corpus(tmp_path / "new" / name)
    assert [(one.text, one.spans) for one in found] == [(one.text, one.spans) for one in corpus]
    with pytest.raises(UserError, match="unlabelled"):
        load_corpus(_written(tmp_path)).save(tmp_path / "out.bio")


def _written(tmp_path: Path) -> Path:
    path = tmp_path / "unlabelled.jsonl"
    path.write_text('{"text": "无"}\n')
    return path


def test_splits_are_those_of_all_sentences() -> None:
    corpus = Corpus([Instance(f"王明在第{i}小学读书", [Span(0, 2, "PER")]) for i in range(20)])
    parts = corpus.split((0.6, 0.2, 0.2), seed=3)
    assert [len(part) for part in parts] == [12, 4, 4]
    assert sorted(one.text for part in parts for one in part) == sorted(o.text for o in corpus)
    again = corpus.split((0.6, 0.2, 0.2), seed=3)
    assert [list(part) for part in again] == [list(part) for part in parts]


def test_a_corpus_shows_its_first_sentences_and_counts_all() -> None:
    corpus = Corpus([Instance(f"王明{i}", [Span(0, 2, "PER")]) for i in range(30)])
    shown = corpus._repr_html_()
    assert "30 sentences, 30 entities, the first 20 of them" in shown
    assert shown.count(" data-type=") == 20 and "PER</mark> 30" in shown
