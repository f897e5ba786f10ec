"""Files of inputs in all formats, against texts that were worked out by hand."""

import csv
import io
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.data.formats import CorpusFormat
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.inference.inputs import InputFormat, read_inputs


def values(path: str | Path, name: Any = None, encoding: str = "utf-8") -> list[Any]:
    return [raw.value for raw in read_inputs(path, InputFormat(name, encoding))]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def from_stdin(monkeypatch: pytest.MonkeyPatch, content: str) -> str:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    return "-"


CELLS = st.text('魏勇,\t"\n; a\u2028', max_size=5)


@pytest.mark.parametrize(("ending", "dialect"), [("csv", "excel"), ("tsv", "excel-tab")])
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_tables_are_read_as_they_were_written(
    rows: list[tuple[str, str]],
    ending: str,
    dialect: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("tables") / f"in.{ending}"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, dialect=dialect).writerows([("text", "id"), *rows])
    assert values(path) == [{"text": text, "id": number} for text, number in rows]


def test_rows_have_the_number_of_their_first_line(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", 'id,text\n1,"a\nb"\n\n2,c\n3\n4,d\n')
    found = list(read_inputs(path, InputFormat()))
    assert [raw.number for raw in found] == [2, 5, 6, 7]
    expected = f"{path}:6: found '1 cells', expected 2 cells, as the header has"
    assert str(found[2].value) == expected
    assert found[3].value == {"id": "4", "text": "d"}


def test_rows_that_cannot_be_read_do_not_stop_later_ones(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", b'text,id\na,1\n\xff,2\n"b"c,3\nd,4\n')
    found = list(read_inputs(path, InputFormat()))
    assert [raw.value["id"] for raw in found if isinstance(raw.value, dict)] == ["1", "4"]
    first, second = (str(raw.value) for raw in found if isinstance(raw.value, DataError))
    assert first.startswith(f"{path}:3: found b'\\xff', expected UTF-8 text")
    assert second.startswith(f"{path}:4: found ") and "quotation mark missing" in second


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text,text\n", 'in.csv:1: found .* expected a header without two columns "text"'),
        ('"text\n' + "a" * 200_000, "in.csv:1: .*field limit.* quotation mark missing"),
        (b"\xff\n", "in.csv:1: found b'\\\\xff', expected UTF-8 text$"),
        ("文本\n".encode("gbk"), "in.csv:1: .* expected UTF-8 text. Is it GB18030"),
    ],
)
def test_headers_that_cannot_be_read(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        values(written(tmp_path / "in.csv", content))


@pytest.mark.parametrize("name", [None, "txt", "jsonl", "csv"])
def test_empty_files(name: str | None, tmp_path: Path) -> None:
    assert values(written(tmp_path / "in", b""), name) == []


def test_the_encoding_of_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", "text\n魏勇\n".encode("gb18030"))
    assert values(path, encoding="gbk") == [{"text": "魏勇"}]
    for encoding in ("utf-16", "auto"):
        with pytest.raises(UserError, match="--encoding: .* is not read line by line"):
            values(path, encoding=encoding)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (None, "魏勇\n\n{\n", ["魏勇", "", "{"]),
        (None, '{"text": "魏勇"}\n\n', [{"text": "魏勇"}, None]),
        ("txt", '{"text": "魏勇"}\n', ['{"text": "魏勇"}']),
        ("jsonl", '{"text": "魏勇"}\n', [{"text": "魏勇"}]),
        ("tsv", "text\tid\n魏勇\t7\n", [{"text": "魏勇", "id": "7"}]),
        ("doccano", '{"text": "魏勇", "label": [[0, 2, "PER"]]}\n', ["魏勇"]),
        ("auto", "魏\tB-PER\n勇\tI-PER\n\n在\tO\n", ["魏勇", "在"]),
        ({"type": "conll", "tag_scheme": "BIO"}, "魏\tB-PER\n\n", ["魏"]),
    ],
)
def test_stdin(
    name: Any, content: str, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert values(from_stdin(monkeypatch, content), name) == expected


def test_errors_of_stdin_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (error,) = values(from_stdin(monkeypatch, "{\n"), "jsonl")
    assert str(error).startswith("stdin:1: found '{', expected an object such as")
    with pytest.raises(DataError, match="stdin:1: .*several|stdin: .*"):
        values(from_stdin(monkeypatch, "?\n"), "auto")


SENTENCES = [Instance("魏勇在深圳", [Span(0, 2, "PER")]), Instance("下雨了", [])]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("conll", "in.bio"),
        ({"type": "conll", "tag_scheme": "BMES"}, "in.conll"),
        ("spacy", "in.spacy"),
        ("huggingface", "in.parquet"),
        ("brat", "folder"),
    ],
)
def test_annotated_files_are_known_by_their_ending(
    settings: Any, name: str, tmp_path: Path
) -> None:
    pytest.importorskip({"spacy": "spacy", "huggingface": "datasets"}.get(str(settings), "json"))
    path = tmp_path / name
    if settings == "brat":
        path.mkdir()
    CorpusFormat.from_params(settings).write(SENTENCES, path)
    assert values(path) == [sentence.text for sentence in SENTENCES]


@pytest.mark.parametrize("name", ["label_studio", "auto"])
def test_annotated_files_of_other_endings_are_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    CorpusFormat.from_params("label_studio").write(SENTENCES, path)
    assert values(path, name) == [sentence.text for sentence in SENTENCES]
    with pytest.raises(DataError, match="looks like a JSON array.*--input-format auto"):
        values(path)


@pytest.mark.parametrize(("written_as", "name"), [("conll", "conll"), ("weibo", "weibo")])
def test_columns_that_are_read_as_lines_are_named(
    written_as: str, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    position = "0" if written_as == "weibo" else ""
    content = "".join(f"{char}{position}\tO\n" for char in "魏勇在深圳")
    (first, *_) = values(written(tmp_path / "in.jsonl", content))
    assert isinstance(first, DataError) and f"? Set --input-format {name}" in str(first)
    assert values(tmp_path / "in.jsonl", name) == ["魏勇在深圳"]

    assert len(values(written(tmp_path / "in.txt", content))) == 5
    (warning,) = [own for own in caplog.messages if "predicted as a text" in own]
    assert f"in.txt: every line is predicted as a text. Is it {name} (" in warning
    caplog.clear()
    assert values(tmp_path / "in.txt", name) == ["魏勇在深圳"]
    assert len(values(tmp_path / "in.txt", "txt")) == 5
    assert len(values(written(tmp_path / "in.txt", "血型 O\n魏勇在深圳\n"))) == 2
    assert not [own for own in caplog.messages if "predicted as a text" in own]

    (error, _) = values(written(tmp_path / "in.jsonl", "魏勇\n在深圳\n"))
    assert "Is it plain text?" in str(error)
    found = values(written(tmp_path / "in.jsonl", '{"text": "a"}\n魏\tO\n'))
    assert str(found[1]).endswith('expected an object such as {"sentence": "..."}')


def test_a_span_that_does_not_fit_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", '{"text": "a", "label": [[0, 9, "PER"]]}\n')
    with pytest.raises(DataError, match=r"in.jsonl:1: found 'PER \[0, 9\]'"):
        values(path, "doccano")


@pytest.mark.parametrize("ending", ["txt", "jsonl", "csv", "tsv"])
def test_lines_are_not_held(ending: str, tmp_path: Path) -> None:
    line = json.dumps({"text": "魏勇"}) if ending == "jsonl" else "魏勇在深圳"
    path = written(tmp_path / f"in.{ending}", f"{line}\n" * 100_000)
    tracemalloc.start()
    count = sum(1 for _ in read_inputs(path, InputFormat()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count >= 99_999 and peak < path.stat().st_size / 10
