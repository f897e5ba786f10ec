"""`allennlp select`."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import SpanJsonReader
from ner_adv_plugin.inference.selection import Selector
from ner_adv_plugin.inference.tagger import Tagger
from tests.commands.conftest import Run

# Characters that JSON escapes, unusual line separators, and spaces at both ends.
ODD = ['"', "\\", "\t", "\u2028", "\x85", "\x0b", "\x00", "\r", "\u3000", "😀"]
TEXTS = [f"第{i}天" + "江泽民主席在北京访问中国" * (i % 4) for i in range(30)]


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "raw.txt").write_text("\n".join(TEXTS) + "\n\n", encoding="utf-8")
    return "raw.txt"


def test_prints_the_most_useful_sentences(run: Run, tiny_run: Path, text: str) -> None:
    result = run("select", tiny_run / "model.tar.gz", text, "--count", "4", "--batch-size", "5")
    assert result.status == 0, result.err
    sentences = [json.loads(line) for line in result.out.splitlines()]
    expected = Selector(load_archive(tiny_run), "margin", 4).select(enumerate(TEXTS, 1))
    assert [sentence["text"] for sentence in sentences] == [sentence.text for sentence in expected]
    assert [sentence["line"] for sentence in sentences] == [
        TEXTS.index(sentence["text"]) + 1 for sentence in sentences
    ]
    assert [sentence["margin"] for sentence in sentences] == sorted(
        sentence["margin"] for sentence in sentences
    )


@pytest.mark.parametrize("strategy", ["margin", "ratio", "entropy", "diverse"])
def test_the_output_file_is_a_corpus(run: Run, tiny_run: Path, text: str, strategy: str) -> None:
    flags = ["--strategy", strategy, "--multitask-head", "msra", "--output-file", "out/chosen.json"]
    result = run("select", tiny_run, text, "--count", "12", *flags)
    assert (result.status, result.out) == (0, "")
    sentences = SpanJsonReader().read("out/chosen.json")
    expected = Selector(load_archive(tiny_run), strategy, 12, "msra").select(enumerate(TEXTS, 1))
    assert [sentence.text for sentence in sentences] == [sentence.text for sentence in expected]
    assert_as_predicted(sentences, Tagger(load_archive(tiny_run), "msra"))


def test_unusual_characters_are_preserved(run: Run, tiny_run: Path) -> None:
    texts = [f" {odd}江泽民主席在北京访问中国{odd}{i} " for i, odd in enumerate(ODD)]
    Path("raw.txt").write_bytes("\r\n".join(texts).encode())
    result = run(
        "select",
        tiny_run,
        "raw.txt",
        "--count",
        "20",
        "--output-file",
        "chosen.json",
        "--multitask-head",
        "msra",
    )
    assert result.status == 0, result.err
    sentences = SpanJsonReader().read("chosen.json")
    assert sorted(sentence.text for sentence in sentences) == sorted(texts)
    assert_as_predicted(sentences, Tagger(load_archive(tiny_run), "msra"))


def assert_as_predicted(sentences: Sequence[Instance], tagger: Tagger) -> None:
    """Assert that sentences have the entities that the model predicts."""
    answers = tagger.predict_batch_json([{"sentence": sentence.text} for sentence in sentences])
    predicted = [
        [Span(e["start"], e["end"], e["type"]) for e in answer["entities"]] for answer in answers
    ]
    assert [sentence.spans for sentence in sentences] == predicted
    assert any(answer["entities"] for answer in answers)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--count", "0"], "count: expected 1 or more, found 0"),
        (["--multitask-head", "msr"], 'head "msr" segments words'),
        (["--multitask-head", "ms"], 'no head "ms"'),
        (["--batch-size", "0"], "batch_size: expected 1 or more, found 0"),
    ],
)
def test_wrong_flags(run: Run, tiny_run: Path, text: str, flags: list[str], message: str) -> None:
    result = run("select", tiny_run, text, *flags, "--output-file", "chosen.json")
    assert (result.status, result.out) == (2, "")
    assert message in result.err and "Traceback" not in result.err
    assert not Path("chosen.json").exists()


def test_text_that_cannot_be_read(run: Run, tiny_run: Path) -> None:
    assert "missing.txt: found 'no such file'" in run("select", tiny_run, "missing.txt").err
    Path("raw.txt").write_bytes(b"a\n\xff\n")
    result = run("select", tiny_run, "raw.txt")
    assert result.status == 2 and "raw.txt:2" in result.err
