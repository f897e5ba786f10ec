"""Ranges in other units and with other ends, compared with Python's own UTF-16 encoder."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading import SpanJsonReader
from ner_adv_plugin.data.reading.span_offsets import Counting

# Emoji, families joined by U+200D, combining marks, CRLF, U+2028, a flag, a variation selector.
PIECES = ["甲", "乙", "a", "😀", "👨\u200d👩\u200d👧", "e\u0301", "\r\n", "\u2028", "\u3000", "🇨🇳"]
PIECES += ["❤\ufe0f", "\u200b", "\ufeff", "㎏", "\ud83d", "𠮷", " "]
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
OPTIONS = [
    {"offsets": offsets, "ends": ends}
    for offsets in ("code_points", "utf-16")
    for ends in ("inclusive", "exclusive")
]


def units(text: str, offsets: str) -> int:
    """Return the length of a text, by Python's encoder."""
    if offsets == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text)


def record(
    text: str, spans: list[tuple[int, int]], offsets: str = "code_points", ends: str = "inclusive"
) -> dict[str, Any]:
    """Describe the spans of a text as a file with these settings does."""
    label: dict[str, dict[str, list[list[int]]]] = {"T": {}}
    for start, end in spans:
        first = units(text[:start], offsets)
        last = units(text[:end], offsets) - (ends == "inclusive")
        label["T"].setdefault(text[start:end], []).append([first, last])
    return {"text": text, "label": label}


def write(path: Path, *records: object) -> Path:
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return path


@pytest.mark.parametrize("options", OPTIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), text=texts)
def test_spans_index_the_given_text(
    tmp_path: Path, options: Any, data: st.DataObject, text: str
) -> None:
    edges = st.lists(st.integers(0, len(text)), min_size=2, max_size=2, unique=True).map(sorted)
    drawn = [(start, end) for start, end in data.draw(st.lists(edges, max_size=4))]
    path = write(tmp_path / "corpus", record(text, drawn, **options))
    (sentence,) = SpanJsonReader(**options).read(path)
    assert sentence.text == text
    assert sentence.spans is not None
    assert [(span.start, span.end) for span in sentence.spans] == sorted(set(drawn))


@pytest.mark.parametrize("options", OPTIONS)
@given(text=texts, start=st.integers(-2, 30), end=st.integers(-2, 30))
def test_ranges_outside_of_the_text_or_within_a_character(
    options: Any, text: str, start: int, end: int
) -> None:
    """A range is accepted if and only if it is that of two positions between characters."""
    position = {units(text[:i], options["offsets"]): i for i in range(len(text) + 1)}
    stop = end + (options["ends"] == "inclusive")
    valid = start in position and stop in position and start < stop
    expected = (position[start], position[stop]) if valid else None
    assert Counting(**options).characters(text, start, end) == expected


@pytest.mark.parametrize("read_as", OPTIONS)
@pytest.mark.parametrize("written_as", OPTIONS)
def test_an_error_names_the_settings_that_fit(
    tmp_path: Path, read_as: dict[str, Any], written_as: dict[str, Any]
) -> None:
    records = [record("😀昨天王明在北京", [(3, 5), (6, 8)], **written_as)] * 3
    path = write(tmp_path / "corpus", *records)
    if read_as == written_as:
        assert len(SpanJsonReader(**read_as).read(path)) == 3
        return

    with pytest.raises(DataError) as error:
        SpanJsonReader(**read_as).read(path)
    assert error.value.line == 1
    differing = [f"{key}: '{value}'" for key, value in written_as.items() if value != read_as[key]]
    assert f"set {' and '.join(differing)} (6 of 6 entities would fit)" in str(error.value)


@pytest.mark.parametrize(
    ("shift", "encoding", "hint"),
    [(1, "utf-32-le", "Offsets look counted from 1"), (0, "utf-8", "Offsets look like bytes of")],
)
def test_countings_that_are_only_recognised(
    tmp_path: Path, shift: int, encoding: str, hint: str
) -> None:
    text, size = "昨天王明在北京", 4 if encoding == "utf-32-le" else 1
    edges = [len(text[:i].encode(encoding)) // size + shift for i in (2, 4)]
    label = {"PER": {"王明": [[edges[0], edges[1] - 1]]}}
    with pytest.raises(DataError, match=hint):
        SpanJsonReader().read(write(tmp_path / "corpus", {"text": text, "label": label}))


def test_a_single_wrong_entity_gives_no_hint(tmp_path: Path) -> None:
    good, wrong = record("王明在北京", [(0, 2)]), record("王明在北京", [(3, 5)])
    wrong["label"]["T"]["北京"] = [[3, 5]]
    path = write(tmp_path / "corpus", *[good] * 9, wrong)
    with pytest.raises(DataError) as error:
        SpanJsonReader().read(path)
    assert str(error.value).endswith("expected 0 <= start <= end < 5, the length of the text")
