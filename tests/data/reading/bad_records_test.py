"""Records that cannot be read among others: each reader skips those alone, and counts them."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.formats import AnnotationsReader
from ner_adv_plugin.data.formats.label_studio import LabelStudioFormat
from ner_adv_plugin.data.reading import (
    ConllReader,
    DatasetReader,
    PfrReader,
    SpanJsonReader,
    WeiboReader,
)


def dumped(*records: object) -> list[str]:
    return [json.dumps(record, ensure_ascii=False) for record in records]


# Of each reader: its settings, the ending of a record, records that are good and that are bad.
CASES: dict[str, tuple[DatasetReader, str, Sequence[str], Sequence[str]]] = {
    "conll": (
        ConllReader(comments=["#"]),
        "\n\n",
        ["王 B-PER\n明 I-PER", "你 O\n好 O", "北 B-LOC\n京 I-LOC\n在 O", "# 1\n他 O"],
        [
            "王 B-PER\n明",
            "王明 B-PER",
            "你 O\n王 B_PER",
            "# 2\n王 X O",
            "你 O O\n好 O",
            "你 O\n\tB",
        ],
    ),
    "illegal tags": (
        ConllReader(illegal_tags="error"),
        "\n\n",
        ["王 B-PER\n明 I-PER", "你 O\n好 O"],
        ["王 O\n明 I-PER", "王 I-LOC"],
    ),
    "columns of words": (
        ConllReader(task="segmentation", tag_scheme="BMES", separator="\t"),
        "\n\n",
        ["王\tB\n明\tE", "好\tS"],
        ["王\tB\n明\tI", "好 S"],
    ),
    "weibo": (
        WeiboReader(),
        "\n\n",
        ["王0\tB-PER\n明1\tI-PER", "你0\tO\n好0\tO"],
        ["王\tB-PER\n明1\tI-PER", "你0\tO\n好0"],
    ),
    "words of weibo": (
        WeiboReader(task="segmentation", illegal_tags="error"),
        "\n\n",
        ["王0\tB-PER\n明1\tI-PER", "你0\tO\n好0\tO"],
        ["王0\tB-PER\n明2\tI-PER", "你0\tO\n好\tO"],
    ),
    "pfr": (
        PfrReader(),
        "\n",
        ["王明/nr  在/p  [中央/n  电视台/n]nt", "你好/l", ""],
        ["王明/nr  在", "[中央/n  电视台/n", "中央/n]nt"],
    ),
    "span_json": (
        SpanJsonReader(),
        "\n",
        dumped({"text": "王明", "label": {"PER": {"王明": [[0, 1]]}}}, {"text": "你", "label": {}}),
        ["{", *dumped({"text": "王明", "label": {"PER": {"王": [[0, 1]]}}}, {"text": "你"})],
    ),
    "doccano": (
        AnnotationsReader(),
        "\n",
        dumped({"text": "王明", "label": [[0, 2, "PER"]]}, {"text": "你好", "label": []}),
        [
            '{"text": "王明", "label": [[0, 2, "PER"]',
            '{"text": "王明',
            '"text"',
            "[]",
            *dumped({"text": "王明", "label": [[0, 3, "PER"]]}),
            *dumped({"text": "王明", "label": [[0, 2]]}, {"text": 3, "label": []}, {"label": []}),
            *dumped({"text": "王明", "label": [[0, 2, ""]]}, {}),
        ],
    ),
    "prodigy": (
        AnnotationsReader(),
        "\n",
        dumped(
            {"text": "王明", "spans": [{"start": 0, "end": 2, "label": "PER"}], "answer": "accept"},
            {"text": "你好", "spans": [], "answer": "reject"},
        ),
        dumped(
            {"text": "王明", "spans": [{"start": 0, "end": 9, "label": "PER"}], "answer": "accept"},
            {"text": "王明", "spans": [3], "answer": "accept"},
        ),
    ),
    "label_studio": (
        AnnotationsReader(format=LabelStudioFormat()),
        "\n",
        dumped(
            {
                "data": {"text": "王明"},
                "annotations": [
                    {"result": [{"value": {"start": 0, "end": 2, "labels": ["PER"]}}, {}]}
                ],
            }
        ),
        dumped(
            {"data": {"text": "王明"}, "annotations": [{"result": 3}]},
            {"data": [], "annotations": []},
            {
                "data": {"text": "王明"},
                "annotations": [{"result": [{"value": {"start": 0, "end": 5, "labels": ["PER"]}}]}],
            },
        ),
    ),
    "entities": (
        AnnotationsReader(),
        "\n",
        dumped({"text": "王明", "entities": [{"start": 0, "end": 2, "type": "PER"}]}),
        dumped(
            {"text": "王明", "entities": [{"start": 0, "end": 2, "type": "PER", "text": "王"}]},
            {"text": "王明", "entities": [{"start": "0", "end": 2, "type": "PER"}]},
        ),
    ),
    "language_model": (
        AnnotationsReader(),
        "\n",
        dumped({"text": "王明", "entities": [{"text": "王明", "type": "PER"}]}),
        dumped({"text": "王明", "entities": [{"text": "王明"}]}, {"entities": []}),
    ),
    "huggingface": (
        AnnotationsReader(),
        "\n",
        dumped({"tokens": ["王", "明"], "ner_tags": ["B-PER", "I-PER"]}),
        dumped(
            {"tokens": ["王", "明"], "ner_tags": ["B-PER"]},
            {"tokens": ["王"], "ner_tags": [3]},
            {"tokens": "王", "ner_tags": ["O"]},
        ),
    ),
    "columns of annotations": (
        AnnotationsReader(),
        "\n\n",
        ["王 B-PER\n明 I-PER", "你 O\n好 O"],
        ["王 B-PER\n明 X", "你 O O", "王\n明 I-PER"],
    ),
    "cluener": (
        AnnotationsReader(),
        "\n",
        dumped({"text": "王明", "label": {"PER": {"王明": [[0, 1]]}}}),
        dumped({"text": "王明", "label": {"PER": {"王": [[0, 1]]}}}),
    ),
}


def read(reader: DatasetReader, path: Path, content: str, **keys: Any) -> Any:
    """Read with keys changed; return texts, spans, number of lines before each, and counts."""
    for key, value in {"on_bad_record": "error", "max_bad_records": 0.01, **keys}.items():
        setattr(reader, key, value)
    path.write_text(content, encoding="utf-8")
    table = reader.read(path)
    found = [(one.text, one.spans, one.metadata["line"]) for one in table]
    return found, reader.counts[str(path)].metrics()


@pytest.mark.parametrize("name", CASES)
def test_good_records_are_read_as_without_the_bad_ones(name: str, tmp_path: Path) -> None:
    """Counted and placed by the test itself: which lines belong to good records."""
    reader, ending, good, bad = CASES[name]
    path = tmp_path / "corpus"
    rng = random.Random(name)
    records = [*[(record, True) for record in good * 5], *[(record, False) for record in bad]]
    shuffled = records[: len(good)] + rng.sample(records[len(good) :], len(records) - len(good))

    line, lines = 1, []
    for record, is_good in shuffled:
        added = (record + ending).count("\n")
        lines += range(line, line + added) if is_good else ()
        line += added
    content = "".join(record + ending for record, _ in shuffled)
    expected, counts = read(reader, path, "".join(r + ending for r, is_good in shuffled if is_good))

    found, metrics = read(reader, path, content, on_bad_record="skip", max_bad_records=0.9)
    assert metrics == {**counts, "bad_records_skipped": len(bad)}
    assert found == [(text, spans, lines[own - 1]) for text, spans, own in expected]


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name in CASES for number in range(len(CASES[name][3]))]
)
def test_a_bad_record_is_an_error_by_default(name: str, number: int, tmp_path: Path) -> None:
    reader, ending, good, bad = CASES[name]
    path = tmp_path / "corpus"
    content = "".join(record + ending for record in [*good * 2, bad[number], *good * 2])
    begins = 1 + "".join(record + ending for record in good * 2).count("\n")
    with pytest.raises(DataError) as error:
        read(reader, path, content)
    strict = error.value
    # Of broken JSON, the error may be noticed on the next line.
    assert strict.line is not None
    assert begins <= strict.line <= begins + (bad[number] + ending).count("\n")

    read(reader, path, content, on_bad_record="skip")
    (message,) = [m for m in reader.counts[str(path)].messages() if "bad records" in m]
    reason = strict.reason
    assert message == (
        f"1 bad records skipped (the first: {reason}), the first on line {strict.line}"
    )


@pytest.mark.parametrize("name", CASES)
def test_too_many_bad_records(name: str, tmp_path: Path) -> None:
    reader, ending, good, bad = CASES[name]
    path = tmp_path / "corpus"
    filled = [record for record in good if record]
    total = len(filled) * 40 + 4
    records = [*filled * 20, *[bad[0]] * 4, *filled * 20]
    content = "".join(record + ending for record in records)
    begins = 1 + "".join(record + ending for record in filled * 20).count("\n")
    # 4 of the records may be bad, then 3.
    read(reader, path, content, on_bad_record="skip", max_bad_records=4.5 / total)
    with pytest.raises(DataError) as error:
        read(reader, path, content, on_bad_record="skip", max_bad_records=3.5 / total)
    message = str(error.value)
    assert f"found '4 bad records', expected at most 3 of {total} (max_bad_records 0.0" in message
    assert error.value.line is not None
    assert begins <= error.value.line <= begins + (bad[0] + ending).count("\n")


def test_a_record_of_columns_ends_at_white_space_and_marks(tmp_path: Path) -> None:
    lines = ["-DOCSTART-", "王 B-PER", " ", "bad", "明 O", "\t", "你 O", "-DOCSTART-", "好 O"]
    reader = ConllReader(comments=["-DOCSTART-"], separator=" ")
    found, metrics = read(reader, tmp_path / "corpus", "\n".join(lines), on_bad_record="skip")
    assert [(text, line) for text, _, line in found] == [("王", 2), ("你", 7), ("好", 9)]
    assert metrics == {
        "document_marks_skipped": 2,
        "blank_lines_of_white_space": 2,
        "bad_records_skipped": 1,
    }


def test_a_skipped_first_record_does_not_set_the_columns(tmp_path: Path) -> None:
    content = "王 x B-PER\n明 I-PER\n\n你 O\n好 O\n\n他 O\n\n"
    found, metrics = read(ConllReader(), tmp_path / "corpus", content, on_bad_record="skip")
    assert [text for text, _, _ in found] == ["你好", "他"]
    assert metrics == {"bad_records_skipped": 1}


def test_an_array_has_no_lines_to_skip(tmp_path: Path) -> None:
    """Records of an array are skipped by their content; broken JSON in it is an error."""
    good, bad = {"text": "王明", "label": [[0, 2, "PER"]]}, {"text": "王明", "label": [[0, 7, "X"]]}
    path = tmp_path / "corpus"
    content = json.dumps([good, bad, good], ensure_ascii=False, indent=1)
    found, metrics = read(AnnotationsReader(), path, content, on_bad_record="skip")
    assert len(found) == 2 and metrics == {"bad_records_skipped": 1}
    with pytest.raises(DataError, match="JSON: "):
        read(AnnotationsReader(), path, content.replace("7", "7 7"), on_bad_record="skip")
    # An object over several lines has none either.
    one = json.dumps(good, indent=1)
    with pytest.raises(DataError, match="JSON: "):
        read(AnnotationsReader(), path, f"{one}\n{{\n{one}", on_bad_record="skip")


def test_a_document_of_brat_is_a_record(tmp_path: Path) -> None:
    annotations = {
        "1": "T1\tPER 0 2\t王明\nR1\tof Arg1:T1 Arg2:T1\n",
        "2": "R1\tof Arg1:T1 Arg2:T1\nT1\tPER 0 2\t小明\n",
        "3": "T1\tPER 0 1;3 4\t王京\n",
        "4": "",
    }
    for name, content in annotations.items():
        (tmp_path / f"{name}.txt").write_text("王明在北京", encoding="utf-8")
        (tmp_path / f"{name}.ann").write_text(content, encoding="utf-8")
    reader = AnnotationsReader()
    with pytest.raises(DataError, match="2.ann:2: |3.ann:1: "):
        reader.read(tmp_path)

    reader.on_bad_record = "skip"
    assert [one.spans for one in reader.read(tmp_path)] == [[(0, 2, "PER")], []]
    counts = reader.counts[str(tmp_path)]
    assert counts.metrics()["bad_records_skipped"] == 2
    assert f"{tmp_path / '3.ann'}:1: found" in " ".join(counts.messages())


def test_a_file_without_a_good_record_says_why(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text("王 B-PER\n明 X\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no sentences.*1 bad records skipped \(the first: .*X"):
        ConllReader(on_bad_record="skip").read(path)


@pytest.mark.parametrize("reader", [ConllReader, PfrReader, AnnotationsReader])
def test_the_limit_is_a_share(reader: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_bad_records: found -1: expected a share"):
        reader(max_bad_records=-1)
