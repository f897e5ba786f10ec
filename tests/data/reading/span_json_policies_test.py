"""Records that `span_json` refuses, skips or names, and files of other formats."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.reading import SpanJsonReader, UnlabelledReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.overlaps import Overlaps

GOOD = {"text": "王明在北京", "label": {"PER": {"王明": [[0, 1]]}, "LOC": {"北京": [[3, 4]]}}}
NO_LABEL = {"text": "王明在北京"}
BAD: list[object] = [
    '{"text": "王明',
    "no JSON",
    ["a", "list"],
    "null",
    {"label": {}},
    {"text": "", "label": {}},
    {"text": 3, "label": {}},
    {"text": "王明", "label": []},
    {"text": "王明", "label": {"PER": {"王明": [[0, 2]]}}},
    {"text": "王明", "label": {"PER": {"明": [[0, 1]]}}},
    {"text": "王明", "label": {"PER": {"王明": [["0", "1"]]}}},
    '{"text": "王明", "label": {"PER": {"王": [[0, 0]]}, "PER": {"明": [[1, 1]]}}}',
    NO_LABEL,
]


def write(path: Path, *records: object) -> Path:
    lines = [
        one if isinstance(one, str) else json.dumps(one, ensure_ascii="\ud83d" in one)
        for one in records
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def read(tmp_path: Path, *records: object, **options: Any) -> InstanceTable:
    return SpanJsonReader(**options).read(write(tmp_path / "corpus", *records))


def error_of(tmp_path: Path, *records: object, **options: Any) -> str:
    with pytest.raises(DataError) as error:
        read(tmp_path, *records, **options)
    return str(error.value).removeprefix(f"{tmp_path / 'corpus'}:")


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_is_an_error_or_skipped(
    tmp_path: Path, bad: object, caplog: pytest.LogCaptureFixture
) -> None:
    reason = error_of(tmp_path, GOOD, "", bad, GOOD)
    assert reason.startswith("3: ")

    path = write(tmp_path / "corpus", GOOD, "", bad, GOOD)
    reader = SpanJsonReader(on_bad_record="skip")
    assert [sentence.metadata["line"] for sentence in reader.read(path)] == [1, 4]
    assert caplog.messages == [
        f"{path}: 1 bad records skipped (the first: {reason.removeprefix('3: ')}), "
        "the first on line 3"
    ]
    assert reader.counts[str(path)].metrics() == {"bad_records_skipped": 1}


@pytest.mark.parametrize(
    ("total", "share", "limit"), [(50, 0.01, 2), (400, 0.01, 4), (50, 0.1, 5), (50, 0, 2)]
)
def test_limit_of_bad_records(tmp_path: Path, total: int, share: float, limit: int) -> None:
    def records(bad: int) -> list[object]:
        drawn: list[object] = [GOOD] * (total - bad) + ["bad"] * bad
        random.Random(total).shuffle(drawn)
        return drawn

    options = {"on_bad_record": "skip", "max_bad_records": share}
    assert len(read(tmp_path, *records(limit), **options)) == total - limit
    too_many = records(limit + 1)
    message = error_of(tmp_path, *too_many, **options)
    expected = f"at most {limit} of {total} (max_bad_records {share:g}). The first: found 'bad'"
    assert message.startswith(f"{too_many.index('bad') + 1}: found '{limit + 1} bad records'")
    assert expected in message


def test_the_limit_is_a_share() -> None:
    with pytest.raises(ConfigurationError, match="max_bad_records: found 3: expected a share"):
        SpanJsonReader(max_bad_records=3)


def test_records_without_a_label_before_the_first_with_one(tmp_path: Path) -> None:
    """The file is labelled, whichever record comes first."""
    table = read(tmp_path, NO_LABEL, NO_LABEL, GOOD, on_bad_record="skip")
    assert [sentence.metadata["line"] for sentence in table] == [3]
    table = read(tmp_path, NO_LABEL, "", NO_LABEL, on_bad_record="skip")
    assert [(one.spans, one.metadata["line"]) for one in table] == [(None, 1), (None, 3)]


def test_unknown_keys_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = [
        {**GOOD, "id": 3, "meta": {}, "Comments": []},
        {**GOOD, "labels": []},
        GOOD,
        {**GOOD, "mood": 1, "labels": []},
    ]
    table = read(tmp_path, *records)
    assert [sentence.spans for sentence in table] == [table[2].spans] * 4
    assert caplog.messages == [
        f'{tmp_path / "corpus"}: 2 records with unknown keys ("labels", "mood"), which are '
        "ignored, the first on line 2"
    ]


def test_keys_that_cannot_be_printed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, {**GOOD, "\ud83d": 1, "a\nb": 2, "c" * 90: 3, **dict.fromkeys("abcdefg")})
    message = caplog.messages[0].encode().decode()
    assert '("\\ud83d", "a\\nb", "' + "c" * 40 + '", "a", "b", "c", "d", "e" and 2 more)' in message


def test_text_without_labels_has_harmless_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in the public test set of CLUENER."""
    assert read(tmp_path, {"id": 0, "text": "王明"}, {"id": 1, "text": "北京"}).spans is None
    assert caplog.messages == []


DOCCANO = [[0, 2, "PER"]]
OFFSETS = [{"id": 0, "label": "PER", "start_offset": 0, "end_offset": 2}]
RESULT = [{"value": {"start": 0, "end": 2, "text": "王明", "labels": ["PER"]}}]


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"text": "王明", "labels": DOCCANO}, 'a doccano export ([start, end, type] in "labels")'),
        ({"text": "王明", "label": DOCCANO}, 'a doccano export ([start, end, type] in "label")'),
        ({"text": "王明", "entities": OFFSETS}, "a doccano export (start_offset and end_offset"),
        ({"text": "王明", "annotations": OFFSETS}, "a doccano export (start_offset and"),
        ({"text": "王明", "annotations": [{"result": RESULT}]}, "a Label Studio export"),
        ({"data": {"text": "王明"}, "annotations": [{"result": RESULT}]}, "a Label Studio export"),
        (
            {"text": "王明", "label": [{"start": 0, "end": 2, "labels": ["PER"]}]},
            "a Label Studio export (JSON-MIN",
        ),
        ({"text": "王明", "spans": [{"start": 0, "end": 2, "label": "PER"}]}, "a Prodigy export"),
        ({"tokens": ["王", "明"], "ner_tags": [1, 2]}, "a Hugging Face data set"),
        ({"tokens": ["王", "明"], "labels": ["B-PER", "I-PER"]}, "a Hugging Face data set"),
        (["王明", {"entities": [[0, 2, "PER"]]}], "training data of spaCy 2"),
        (
            {"text": "王明", "entities": [{"start_idx": 0, "end_idx": 1, "type": "dis"}]},
            'a list of entities with the keys "start_idx", "end_idx", "type"',
        ),
        ({"content": "王明", "result_list": [], "prompt": "人名"}, "data for UIE"),
    ],
)
def test_other_formats_are_named(
    tmp_path: Path, record: object, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In an error or, for text that might be unlabelled, in a warning; from an array, too."""
    document = json.dumps([record, record], ensure_ascii=False, indent=1)
    assert f"looks like {name}" in error_of(tmp_path, *document.split("\n"))

    # A record without entities does not hide the format.
    first = {"text": "你好", "label": None} if isinstance(record, dict) else record
    path = write(tmp_path / "corpus", first, record)
    reader = SpanJsonReader()
    try:
        assert reader.read(path).spans is None
    except DataError as error:
        message = str(error)
    else:
        message = caplog.text
        assert "read as unlabelled" in message and "Keys found:" in message
        assert name in reader.why_unlabelled(str(path))
    assert f"looks like {name}" in message


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (json.dumps([GOOD] * 3), "one JSON array of 3 records"),
        (json.dumps([GOOD] * 3, indent=2), "one JSON array of 3 records"),
        (json.dumps({"a": GOOD}, indent=2), "one JSON object over "),
        ("T1\tPER 0 2\t王明\n", "looks like BRAT annotations"),
        ("王 B-PER\n明 I-PER\n\n", "set type: 'conll'"),
        ("王\tO\n明\tO\n\n", "set type: 'conll'"),
    ],
)
def test_files_that_hold_no_records(tmp_path: Path, content: str, hint: str) -> None:
    message = error_of(tmp_path, *content.split("\n"))
    assert message.startswith("1: ") and hint in message


def test_near_miss_of_the_key(tmp_path: Path) -> None:
    path = write(tmp_path / "corpus", {"text": "王明", "labels": {}})
    reader = SpanJsonReader()
    reader.read(path)
    why = reader.why_unlabelled(str(path))
    assert 'Keys found: "text", "labels". Did you mean "label" for "labels"?' in why


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_no_raw_text(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "corpus"
    path.write_text('{"text": "王明"}\n{"text": "北京"}\n', encoding=encoding)
    reader = UnlabelledReader(encoding=encoding)
    with pytest.raises(DataError, match=":1: found .*set type: 'span_json', head: null"):
        reader.read(path)
    path.write_text('{"text": "王明"}\n你好\n{}\n', encoding=encoding)
    assert [one.text for one in reader.read(path)] == ['{"text": "王明"}', "你好", "{}"]


def cluener_like(sentences: int) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Make records as CLUENER has them, and count their entities by type while making them.

    Surfaces occur at several positions, entities nest, cross and have two types.
    """
    rng = random.Random(2020)
    names = {"name": "王明", "address": "北京", "company": "北京远航公司", "position": "总经理"}
    records, counts = [], Counter[str]()
    for i in range(sentences):
        text, label = "", {}
        for _ in range(rng.randint(0, 4)):
            text += rng.choice(["在", "，", "对", "说"])
            name = rng.choice(sorted(names))
            surface, start = names[name], len(text)
            text += surface
            found = [(name, surface, start)]
            if name == "company":
                found += [("address", "北京", start)] * (i % 2)
                found += [("organization", surface, start)] * (i % 3 == 0)
                found += [("game", "远航公司", start + 2)] * (i % 5 == 0)
            for own, own_surface, own_start in found:
                ranges = label.setdefault(own, {}).setdefault(own_surface, [])
                ranges.append([own_start, own_start + len(own_surface) - 1])
                counts[own] += 1
        records.append({"text": f"{text}。", "label": label})
    return records, counts


def test_a_file_like_cluener(tmp_path: Path) -> None:
    records, counts = cluener_like(500)
    table = read(tmp_path, *records)
    assert len(table) == 500 and set(counts) >= {"organization", "game", "address"}
    assert Counter(span.type for one in table for span in one.spans or []) == counts
    assert max(len(r) for one in records for s in one["label"].values() for r in s.values()) > 1
    for sentence, record in zip(table, records, strict=True):
        assert sentence.text == record["text"]
        assert {(sentence.text[s.start : s.end], s.type) for s in sentence.spans or []} == {
            (surface, name) for name, own in record["label"].items() for surface in own
        }


@pytest.mark.parametrize(
    ("policy", "kept", "dropped"),
    [
        ("keep", [(0, 2, "LOC"), (0, 4, "ORG"), (0, 4, "SCENE"), (3, 6, "X")], {}),
        ("outermost", [(0, 4, "ORG")], {"overlapping_entities_dropped": 2}),
        ("innermost", [(0, 2, "LOC"), (3, 6, "X")], {"overlapping_entities_dropped": 2}),
        ("first", [(0, 4, "ORG")], {"overlapping_entities_dropped": 2}),
    ],
)
def test_overlaps_two_types_and_duplicates_are_counted_apart(
    tmp_path: Path, policy: Overlaps, kept: list[Any], dropped: dict[str, int]
) -> None:
    """By hand: ORG and SCENE have one range, LOC lies within it, X crosses it; ORG is twice."""
    label = {
        "ORG": {"北京大学": [[0, 3], [0, 3]]},
        "SCENE": {"北京大学": [[0, 3]]},
        "LOC": {"北京": [[0, 1]]},
        "X": {"学校园": [[3, 5]]},
    }
    path = write(tmp_path / "corpus", GOOD, {"text": "北京大学校园", "label": label})
    reader = SpanJsonReader(overlaps=policy)
    assert reader.read(path)[1].spans == kept

    counts = {"duplicate_spans": 1, **dropped}
    if policy in ("outermost", "first"):
        counts["further_types_of_one_range_dropped"] = 1
    elif policy == "innermost":
        counts["overlapping_entities_dropped"] = 2
    assert reader.counts[str(path)].metrics() == counts
    assert all("line 2" in message for message in reader.counts[str(path)].messages())
