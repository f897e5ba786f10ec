"""Windows of training rows, against enumeration of all ways to cut."""

import logging
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.training_windows import training_windows, window_borders
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.tag_schemes import Span
from ner_adv_plugin.data.reading import DatasetReader, SighanCwsReader, UnlabelledReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.data.rows import character_alphabet, encoded, ner_reader

SCHEMES = ["BIO", "BIOES", "BMES", "IOB1", "BILOU"]


def ways(places: Sequence[int], max_length: int) -> list[list[int]]:
    """All ways to cut from the first to the last of these places; a window too long has no place inside."""
    found = []
    for count in range(len(places) - 1):
        for inner in combinations(places[1:-1], count):
            borders = [places[0], *inner, places[-1]]
            if all(
                end - start <= max_length or not any(start < place < end for place in places)
                for start, end in pairwise(borders)
            ):
                found.append(borders)
    return found


def cost(borders: Sequence[int]) -> tuple[int, int]:
    """Windows, and the sum of their squared lengths."""
    return len(borders) - 1, sum((end - start) ** 2 for start, end in pairwise(borders))


@given(st.lists(st.booleans(), max_size=10), st.integers(1, 12))
def test_fewest_and_most_equal_windows_of_all_ways(inner: list[bool], max_length: int) -> None:
    allowed = np.array([True, *inner, True])
    borders = window_borders(allowed, max_length).tolist()
    possible = ways(np.flatnonzero(allowed).tolist(), max_length)
    assert borders in possible
    assert cost(borders) == min(map(cost, possible))


@given(st.integers(1, 5000), st.integers(1, 600))
def test_free_text_is_cut_evenly(length: int, max_length: int) -> None:
    lengths = np.diff(window_borders(np.ones(length + 1, dtype=bool), max_length))
    assert len(lengths) == -(-length // max_length) and lengths.sum() == length
    assert max(lengths) <= max_length and max(lengths) - min(lengths) <= 1


@st.composite
def tagged(draw: st.DrawFn, reader: DatasetReader) -> tuple[Instance, list[Span]]:
    """A row whose characters are all different, and its entities or words, some of them touching."""
    spans, end = [], 0
    words = reader.task == "segmentation"
    for length in draw(st.lists(st.integers(1, 9), max_size=8)):
        start = end if words else end + draw(st.integers(0, 3))
        end = start + length
        spans.append(Span(start, end, "" if words else draw(st.sampled_from(["PER", "LOC"]))))
    size = end if words else end + draw(st.integers(0, 3))
    text = "".join(chr(0x4E00 + i) for i in range(size))
    return Instance(text, reader.scheme.tags(spans, size)), spans


def parts(rows: EncodedRows) -> list[list[int]]:
    """The characters of each row, as indices."""
    return [rows.row_tokens(row).tolist() for row in range(len(rows))]


@pytest.mark.parametrize("scheme", [*SCHEMES, "words"])
@given(data=st.data(), max_length=st.integers(1, 12))
def test_nothing_is_lost_repeated_or_cut(scheme: str, data: st.DataObject, max_length: int) -> None:
    reader = SighanCwsReader() if scheme == "words" else ner_reader("a", scheme=scheme)
    reader.bind("a")
    drawn = data.draw(st.lists(tagged(reader), min_size=1, max_size=4))
    rows = encoded({"a": [row for row, _ in drawn]}, {"a": reader})["a"]
    windows = training_windows(rows, max_length)
    assert windows.token_ids.tolist() == rows.token_ids.tolist() == sum(parts(windows), [])
    assert windows.tags is not None and rows.tags is not None and windows.tags.tolist() == rows.tags.tolist()
    assert windows.lengths.tolist() == list(map(len, parts(windows))) and len(windows.weights) == len(windows)
    starts, _, ends = reader.scheme.transitions(rows.labels)
    window = 0
    for row, (instance, spans) in enumerate(drawn):
        found, begin = [], 0
        while begin < len(instance) or not (found or begin):
            tags = windows.row_tags(window)
            own = reader.scheme.spans([rows.labels[tag] for tag in tags])
            # The tags of a window are those of its spans alone.
            assert reader.scheme.repair([rows.labels[tag] for tag in tags])[1] == 0
            assert not len(tags) or (starts[tags[0]] and ends[tags[-1]])
            found += [Span(begin + span.start, begin + span.end, span.type) for span in own]
            begin, window = begin + len(tags), window + 1
            if not len(instance):
                break
        assert begin == rows.lengths[row] and found == spans
    assert window == len(windows)


@given(data=st.data(), max_length=st.integers(1, 12))
def test_only_a_long_entity_makes_a_longer_window(data: st.DataObject, max_length: int) -> None:
    instance, spans = data.draw(tagged(ner_reader("a")))
    if not len(instance):
        return
    windows = training_windows(encoded({"a": [instance]})["a"], max_length)
    longer = {(start, end) for start, end in pairwise(windows.offsets.tolist()) if end - start > max_length}
    assert longer == {(span.start, span.end) for span in spans if span.end - span.start > max_length}


def test_text_without_tags_beside_empty_and_short_rows() -> None:
    rows = encoded(
        {"u": [Instance(text) for text in ("", "甲乙丙", "甲乙丙丁戊己庚", "", "甲")]}, {"u": ner_reader("u", None)}
    )
    rows["u"].weights[:] = [1, 2, 3, 4, 5]
    windows = training_windows(rows["u"], 3)
    assert windows.lengths.tolist() == [0, 3, 2, 2, 3, 0, 1] and windows.tags is None
    assert windows.weights.tolist() == [1, 2, 3, 3, 3, 4, 5]
    assert len(rows["u"]) == 5 and rows["u"].lengths.tolist() == [0, 3, 7, 0, 1]
    assert training_windows(rows["u"], 7) is rows["u"]


def test_streamed_text_is_cut_as_held_text(tmp_path: Path) -> None:
    lines = ["甲乙丙丁戊己庚", "甲", "丁丙乙甲", "乙丙丁"]
    (tmp_path / "lines").write_text("\n".join(lines), encoding="utf-8")
    reader = UnlabelledReader()
    reader.bind("u")
    table = reader.read(tmp_path / "lines")
    vocab = Vocabulary.from_instances({"train": {"u": table}}, {"u": reader})
    streamed = training_windows(EncodedRows("u", table, vocab, character_alphabet(vocab)), 3)
    held = training_windows(EncodedRows("u", [Instance(line) for line in lines], vocab, character_alphabet(vocab)), 3)
    assert table.streamed and parts(streamed) == parts(held)
    assert held.lengths.tolist() == [2, 2, 3, 1, 2, 2, 3]


def test_what_is_cut_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tags = ["O", "B-PER", "I-PER", "I-PER", "I-PER", "O", "O"]
    rows = encoded(
        {"a": [Instance("甲乙丙丁戊己庚", tags), Instance("甲乙", ["O", "O"]), Instance("甲" * 5, ["O"] * 5)]}
    )
    assert training_windows(rows["a"], 3).lengths.tolist() == [1, 4, 2, 2, 2, 3]
    assert caplog.messages == [
        "a: 2 of 3 training rows are longer than 3 characters: cut into 5 windows",
        "a: 1 windows have no place to be cut at and stay longer than 3 characters, the longest has 4",
    ]


def test_the_loader_trains_on_windows() -> None:
    rows = encoded({"a": [Instance("甲" * 1100, ["O"] * 1100), Instance("乙", ["O"])]})
    lengths = {}
    for max_length in (512, 400, None):
        loader = DataLoader() if max_length == 512 else DataLoader(max_length=max_length)
        loader.set_rows(rows, 0)
        lengths[max_length] = sorted(n for batch in loader for n in batch.lengths)
    assert lengths == {512: [1, 366, 367, 367], 400: [1, 366, 367, 367], None: [1, 1100]}
