"""`allennlp predict` with inputs and outputs in many formats."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.formats import CorpusFile, CorpusFormat
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.inference import Predictor
from tests.commands.conftest import Run

TEXTS = ["魏勇在深圳", "", "下雨了", "我在北京大学见到了王小明"]


@pytest.fixture
def answers(tiny_run: Path) -> list[dict[str, Any]]:
    return Predictor.from_path(tiny_run).predict_batch_json([{"sentence": one} for one in TEXTS])


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")


def spans(answer: dict[str, Any]) -> list[Span]:
    return [Span(one["start"], one["end"], one["type"]) for one in answer["entities"]]


def test_a_table_is_answered_row_by_row(
    run: Run, tiny_run: Path, answers: list[dict[str, Any]]
) -> None:
    rows = "".join(f'{i},"{text}"\n' for i, text in enumerate(TEXTS))
    Path("in.csv").write_text(f"id,标题\n{rows}", encoding="utf-8-sig")
    result = run("predict", tiny_run, "in.csv", "--text-key", "标题")
    assert result.status == 0, result.err
    found = [json.loads(line) for line in result.out.splitlines()]
    assert found == [{**answer, "id": str(i)} for i, answer in enumerate(answers)]

    result = run("predict", tiny_run, "in.csv")
    assert result.status == 2
    assert "in.csv:2: " in result.err and 'no key "sentence" or "text"' in result.err
    assert 'its keys: "id", "标题"' in result.err


def test_stdin_and_stdout(
    run: Run, tiny_run: Path, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.BytesIO(Path("in.txt").read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(text, encoding="ascii"))
    result = run("predict", tiny_run, "-")
    assert [json.loads(line) for line in result.out.splitlines()] == answers

    result = run("predict", tiny_run, "in.txt", "--output-format", "doccano")
    found = [json.loads(line) for line in result.out.splitlines()]
    assert [one["text"] for one in found] == TEXTS
    assert [list(map(tuple, one["label"])) for one in found] == [*map(spans, answers)]
    result = run("predict", tiny_run, "in.txt", "--output-format", "doccano", "--silent")
    assert (result.status, result.out) == (0, "")


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("out.bio", []),
        ("out.BIOES", []),
        ("out.conll", []),
        ("out.jsonl", ["--output-format", "label_studio"]),
        ("out.jsonl", ["--output-format", "prodigy"]),
        ("out", ["--output-format", "{type: 'conll', tag_scheme: 'BMES', separator: ' '}"]),
        ("out.spacy", []),
        ("out.parquet", []),
        ("folder", ["--output-format", "brat"]),
    ],
)
def test_outputs_are_read_back(
    run: Run,
    tiny_run: Path,
    answers: list[dict[str, Any]],
    name: str,
    flags: list[str],
) -> None:
    module = {".spacy": "spacy", ".parquet": "datasets"}.get(Path(name).suffix)
    if module is not None:
        pytest.importorskip(module)
    for _ in range(2):
        result = run("predict", tiny_run, "in.txt", "--output-file", f"new/{name}", *flags)
        assert (result.status, result.out) == (0, ""), result.err
    assert [path.name for path in Path("new").iterdir()] == [name]

    found = list(CorpusFormat.from_params("auto").read(CorpusFile(f"new/{name}")))
    expected = [(text, spans(own)) for text, own in zip(TEXTS, answers, strict=True) if text]
    assert [(one.text, sorted(one.spans or ())) for one in found] == expected


def test_a_page(run: Run, tiny_run: Path, answers: list[dict[str, Any]]) -> None:
    result = run("predict", tiny_run, "in.txt", "--output-file", "page.html")
    assert (result.status, result.out) == (0, ""), result.err
    page = Path("page.html").read_text(encoding="utf-8")
    entities = [entity for answer in answers for entity in answer["entities"]]
    assert entities and page.count(" data-type=") == len(entities)
    for entity in entities:
        assert f'title="{entity["type"]} {entity["score"]:.3f}"' in page


def test_the_same_texts_in_an_annotated_file(run: Run, tiny_run: Path) -> None:
    records = [{"text": text, "label": [[0, 1, "X"]]} for text in TEXTS if text]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    Path("doccano.jsonl").write_text(lines)
    Path("plain.txt").write_text("".join(f"{text}\n" for text in TEXTS if text), encoding="utf-8")
    plain = run("predict", tiny_run, "plain.txt")
    for name in ("doccano", "auto"):
        result = run("predict", tiny_run, "doccano.jsonl", "--input-format", name)
        assert (result.status, result.out) == (0, plain.out)


def test_answers_that_are_errors_are_left_out_of_other_formats(run: Run, tiny_run: Path) -> None:
    Path("in.jsonl").write_text('{"text": "a"}\n{\n{"text": "b"}\n')
    flags = ["--on-error", "skip", "--output-format", "entities"]
    result = run("predict", tiny_run, "in.jsonl", *flags)
    assert [json.loads(line)["text"] for line in result.out.splitlines()] == ["a", "b"]
    assert 'in.jsonl: 1 of 3 lines have no answer but an "error"' in result.err


def test_what_a_format_cannot_hold_leaves_the_file_as_it_was(run: Run, tiny_run: Path) -> None:
    Path("in.jsonl").write_text('{"text": "a\\nb"}\n')
    Path("out.bio").write_text("those of yesterday\n")
    before = {path.name for path in Path().iterdir()}
    result = run("predict", tiny_run, "in.jsonl", "--output-file", "out.bio")
    assert result.status == 2 and "it holds a line break. Split texts" in result.err
    assert Path("out.bio").read_text() == "those of yesterday\n"
    assert {path.name for path in Path().iterdir()} == before
    result = run("predict", tiny_run, "in.jsonl", "--output-file", "out.bio", "--split-lines")
    assert Path("out.bio").read_text() == "a\tO\n\nb\tO\n\n"


def test_an_interruption_leaves_the_file_as_it_was(
    run: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out.html").write_text("that of yesterday\n")
    before = {path.name for path in Path().iterdir()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ner_adv_plugin.data.formats.html._item", interrupted)
    result = run("predict", tiny_run, "in.txt", "--output-file", "out.html")
    assert (result.status, result.err[-12:]) == (130, "interrupted\n")
    assert Path("out.html").read_text() == "that of yesterday\n"
    assert {path.name for path in Path().iterdir()} == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--input-format", "docano"],
            '--input-format: no format "docano". Did you mean "doccano"',
        ),
        (["--input-format", "html"], "in.txt: format html is only written, not read"),
        (["--output-format", "jsonlines"], 'no format "jsonlines". Did you mean "jsonl"?'),
        (["--output-format", "weibo", "--silent"], "WeiboFormat cannot be written, only read"),
        (["--output-format", "brat"], "--output-format brat needs --output-file, a folder"),
        (["--overlaps", "first"], "--overlaps is for other formats than JSON lines"),
        (["--split-lines"], "--split-lines is for other formats than JSON lines"),
        (["--encoding", "utf-88"], '--encoding: no encoding "utf-88"'),
        (
            ["--multitask-head", "msr", "--output-format", "bio"],
            "format bio holds entities, but the predictor answers with words",
        ),
        (["--use-dataset-reader", "--input-format", "txt"], "error: --input-format is for lines"),
    ],
)
def test_wrong_flags(run: Run, tiny_run: Path, flags: list[str], message: str) -> None:
    result = run("predict", tiny_run, "in.txt", *flags)
    assert (result.status, result.out) == (2, "")
    assert message in result.err and "Traceback" not in result.err
