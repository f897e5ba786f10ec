from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import MsraReader
from ner_adv_plugin.data.reading.instance_table import RowTable

TAGS = ["O", "B-PER", "I-PER", "B-LOC"]
texts = st.text(st.characters(), max_size=6)
metadata = st.dictionaries(
    st.sampled_from(["line", "url", "n"]),
    st.one_of(st.integers(-3, 2**40), st.booleans(), st.text(max_size=2), st.tuples(st.integers())),
)
rows = st.lists(
    st.builds(Instance, texts, st.none() | st.lists(st.sampled_from(TAGS), max_size=6), st.just("a"), metadata),
    max_size=8,
)


@given(rows)
def test_a_table_is_the_rows_it_was_made_of(own: list[Instance]) -> None:
    table = RowTable.of(own)
    assert len(table) == len(own) and list(table) == own and table == own
    assert [table[i] for i in range(-len(own), len(own))] == own + own
    for place in (len(own), -len(own) - 1):
        with pytest.raises(IndexError):
            table[place]
    assert RowTable.of(table) == own and table == RowTable.of(own)
    assert table != [*own, Instance("")] and (not own or table != own[:-1])
    assert [type(row.metadata.get("line")) for row in table] == [type(row.metadata.get("line")) for row in own]


@given(rows, st.data())
def test_any_selection(own: list[Instance], data: st.DataObject) -> None:
    table = RowTable.of(own)
    for _ in range(2):
        place = data.draw(st.slices(len(own)))
        table, own = table[place], own[place]
        chosen = data.draw(st.lists(st.integers(0, len(own) - 1))) if own else []
        table, own = table.select(np.array(chosen, dtype=np.int64)), [own[i] for i in chosen]
        assert table == own and list(table.texts()) == [row.text for row in own]
        assert [table.text(i) for i in range(len(own))] == [row.text for row in own]
        assert table.lengths.tolist() == [len(row.text) for row in own]
        flat = [tag for row in own for tag in row.tags or ()]
        assert [table.labels[tag] for tag in table.tags()] == flat
        assert table.labels_used() == list(dict.fromkeys(flat))
        tagged = any(row.tags is not None for row in own)
        lengths = [-1 if row.tags is None else len(row.tags) for row in own] if tagged else None
        assert (None if table.tag_lengths is None else table.tag_lengths.tolist()) == lengths


@given(rows, st.integers(1, 20))
def test_parts(own: list[Instance], characters: int) -> None:
    parts = list(RowTable.of(own).parts(characters))
    assert [row for part in parts for row in part] == own
    assert all(len(part) == 1 or part.lengths.sum() <= characters for part in parts)
    # As few as can be: the next row would not have fitted.
    for part, following in zip(parts, parts[1:], strict=False):
        assert part.lengths.sum() + following.lengths[0] > characters


def test_rows_are_made_when_asked_for() -> None:
    table = RowTable.of([Instance("甲", ["O"], "a", {"url": "u"})])
    table[0].text = table[0].metadata["url"] = ""
    table[0].tags = None
    assert table[0] == Instance("甲", ["O"], "a", {"url": "u"})


def test_all_rows_are_of_one_dataset() -> None:
    own = [Instance("甲", None, "a"), Instance("乙", None, "b")]
    assert [row.dataset for row in RowTable.of(own)] == ["a", "a"]
    assert [row.dataset for row in RowTable.of(RowTable.of(own), "c")] == ["c", "c"]
    assert [row.dataset for row in RowTable.of(RowTable.of(own))] == ["a", "a"]


@pytest.mark.parametrize(("at_most", "count"), [(None, 3), (2, 2), (5, 3)])
def test_so_many_rows_at_most(at_most: int | None, count: int) -> None:
    asked = []

    def endless() -> object:
        for i in range(3):
            asked.append(i)
            yield Instance(str(i))

    assert [row.text for row in RowTable.of(endless(), at_most=at_most)] == ["0", "1", "2"][:count]  # type: ignore
    assert len(asked) == count
    assert len(RowTable.of(RowTable.of(map(Instance, "012")), at_most=at_most)) == count


def test_no_rows() -> None:
    table = RowTable.of([])
    assert table == [] and list(table.parts()) == [] and table.labels_used() == [] and not table


def test_a_selection_copies_no_text() -> None:
    table = RowTable.of([Instance("甲" * 1000, ["O"] * 1000)] * 3)
    assert table[1:].columns is table.columns
    assert table.select(np.array([2, 0])).columns is table.columns


def test_bytes_of_a_real_corpus(shared: Path) -> None:
    """MSRA train: 2.17 million characters and as many tags in 45,000 rows."""
    table = MsraReader().read(shared / "data" / "msra" / "train.bio")
    columns = table.columns
    assert len(table) == 45000 and columns.tags.nbytes == 2 * len(columns.tags)
    assert columns.tag_lengths is not None and not columns.metadata
    arrays = (columns.tags, columns.tag_lengths, columns.tag_offsets, columns.lines, columns.texts.lengths)
    # Offsets of eight bytes a row, other columns of four; of a character the tag's two bytes.
    assert sum(array.nbytes for array in arrays) <= 2 * len(columns.tags) + (8 + 3 * 4) * 45000 + 8
    assert len(columns.labels) == 7
