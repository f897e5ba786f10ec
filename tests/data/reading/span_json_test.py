import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader, SpanJsonReader

SENTENCE = {
    "text": "甲乙丙😀丁甲",
    "label": {"name": {"甲": [[5, 5], [0, 0]]}, "a b": {"乙丙": [[1, 2]]}, "none": {"x": []}},
}


def read(tmp_path: Path, *sentences: object, **options: Any) -> Sequence[Instance]:
    path = tmp_path / "corpus"
    lines = [
        sentence if isinstance(sentence, str) else json.dumps(sentence, ensure_ascii=False)
        for sentence in sentences
    ]
    path.write_bytes("\n".join(lines).encode())
    return SpanJsonReader(**options).read(path)


def test_sentences(tmp_path: Path) -> None:
    sentences = read(tmp_path, SENTENCE, "", " \t\r", {"text": " 丁\n", "label": {}, "id": 3})
    assert [(sentence.text, sentence.spans) for sentence in sentences] == [
        ("甲乙丙😀丁甲", [(0, 1, "name"), (1, 3, "a b"), (5, 6, "name")]),
        (" 丁\n", []),
    ]
    assert [sentence.metadata for sentence in sentences] == [{"line": 1}, {"line": 4}]


def test_adjacent_entities_of_one_type_are_separate(tmp_path: Path) -> None:
    label = {"x": {"甲乙": [[0, 1]]}, "y": {"丙": [[2, 2]]}, "z": {"丁戊己": [[3, 5]]}}
    (sentence,) = read(
        tmp_path,
        {"text": "甲乙丙丁戊己庚", "label": label},
        type_map={"x": "T", "y": "T", "z": "T"},
    )
    assert sentence.spans == [(0, 2, "T"), (2, 3, "T"), (3, 6, "T")]


def test_without_labels(tmp_path: Path) -> None:
    sentences = read(tmp_path, {"id": 0, "text": "甲乙"}, {"text": "丙", "label": None})
    assert [(sentence.text, sentence.spans) for sentence in sentences] == [
        ("甲乙", None),
        ("丙", None),
    ]


LABEL = "{type: {surface: [[start, end], ...]}}"
INTEGERS = "[start, end] as integers"
INSIDE = "0 <= start <= end < 2, the length of the text"
EXCLUSIVE = ". Ends look exclusive: set ends: 'exclusive' (1 of 1 entities would fit)"


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (
            '{"text": ',
            "found '{\"text\": ', expected a JSON object: "
            "Expecting value: line 1 column 10 (char 9)",
        ),
        ("[" * 100000, None),
        (
            ["甲"],
            f"""found '["甲"]', expected a JSON object: {{"text": ..., "label": {LABEL}}}""",
        ),
        ({"label": {}}, 'found None, expected a non-empty string as "text"'),
        ({"text": "", "label": {}}, "found '', expected a non-empty string as \"text\""),
        ({"text": 5, "label": {}}, 'found 5, expected a non-empty string as "text"'),
        ({"text": "甲"}, 'found \'no "label"\', expected a "label" as in line 1'),
        ({"text": "甲", "label": []}, f"found {{'label': []}}, expected {LABEL}"),
        (
            {"text": "甲", "label": {"t": {"甲": [0, 0]}}},
            f"found {{'t': {{'甲': [0]}}}}, expected {INTEGERS}",
        ),
    ],
)
def test_objects_that_cannot_be_read(tmp_path: Path, sentence: object, message: str | None) -> None:
    check_error(tmp_path, sentence, message)


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("甲", {"t": [[0, 0]]}, LABEL),
        ("甲", {"t": {"甲": 0}}, LABEL),
        ("甲", {"": {}}, "a non-empty type"),
        ("甲", {"t": {"甲": [[0]]}}, INTEGERS),
        ("甲乙", {"t": {"": [[True, 1]]}}, INTEGERS),
        ("甲", {"t": {"甲": [[0, 0.0]]}}, INTEGERS),
        ("甲乙", {"t": {"乙": [[1, 2]]}}, INSIDE + EXCLUSIVE),
        ("甲乙", {"t": {"": [[-1, -1]]}}, INSIDE),
        ("甲乙", {"t": {"": [[1, 0]]}}, INSIDE),
        ("甲乙", {"t": {"甲": [[0, 1]]}}, "the surface '甲乙', as in the text" + EXCLUSIVE),
        ("甲乙", {"t": {"丙": [[0, 1]]}}, "the surface '甲乙', as in the text"),
    ],
)
def test_labels_that_cannot_be_read(tmp_path: Path, text: str, label: Any, expected: str) -> None:
    sentence = {"text": text, "label": label}
    check_error(tmp_path, sentence, f"found {label}, expected {expected}")


def check_error(tmp_path: Path, sentence: object, message: str | None) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, {"text": "甲", "label": {}}, "", sentence)
    assert (error.value.file_path, error.value.line) == (str(tmp_path / "corpus"), 3)
    if message is not None:
        assert str(error.value) == f"{tmp_path / 'corpus'}:3: {message}"


def test_a_label_after_a_sentence_without_one(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r""":2: found 'a "label"', expected no "label" as in line 1"""
    ):
        read(tmp_path, {"text": "甲"}, {"text": "甲", "label": {}})


def test_a_type_that_is_dropped_may_overlap(tmp_path: Path) -> None:
    sentence = {"text": "甲乙丙", "label": {"t": {"甲乙丙": [[0, 2]]}, "u": {"乙": [[1, 1]]}}}
    assert read(tmp_path, sentence, type_map={"t": None}, overlaps="error")[0].spans == [
        (1, 2, "u")
    ]
    assert read(tmp_path, sentence, type_map={"u": None}, overlaps="error")[0].spans == [
        (0, 3, "t")
    ]


def test_nested_and_crossing_entities(tmp_path: Path) -> None:
    sentence = {
        "text": "甲乙丙丁",
        "label": {"t": {"甲乙丙": [[0, 2]], "乙": [[1, 1]]}, "u": {"丙丁": [[2, 3]]}},
    }
    assert read(tmp_path, sentence)[0].spans == [(0, 3, "t"), (1, 2, "t"), (2, 4, "u")]


def test_duplicate_entities_are_counted_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sentence = {"text": "甲乙", "label": {"t": {"甲": [[0, 0], [0, 0]]}, "u": {"甲": [[0, 0]]}}}
    assert read(tmp_path, sentence)[0].spans == [(0, 1, "t"), (0, 1, "u")]
    message = "1 duplicate spans are counted once, the first on line 1"
    assert caplog.messages == [f"{tmp_path / 'corpus'}: {message}"]
    # Types that are equal after type_map make spans equal, too.
    assert read(tmp_path, sentence, type_map={"u": "t"}, overlaps="error")[0].spans == [(0, 1, "t")]


@pytest.mark.parametrize(("file", "num_sentences"), [("train.json", 60), ("dev.json", 20)])
def test_embedded_corpus(fixture_data: Path, file: str, num_sentences: int) -> None:
    path = fixture_data / "cluener" / file
    written = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    sentences = SpanJsonReader().read(path)
    assert len(sentences) == num_sentences
    assert [sentence.text for sentence in sentences] == [sentence["text"] for sentence in written]
    counts = Counter(span.type for sentence in sentences for span in sentence.spans or [])
    for name in ("name", "organization", "address", "scene"):
        surfaces = [sentence["label"].get(name, {}) for sentence in written]
        expected = sum(len(ranges) for of_surface in surfaces for ranges in of_surface.values())
        assert counts[name] == expected > 0


def test_registered() -> None:
    assert DatasetReader.by_name("span_json") is SpanJsonReader
