import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import MsraReader, instance_table
from ner_adv_plugin.data.reading.instance_table import InstanceTable

texts = st.text(st.characters(), max_size=6)
spans = st.builds(Span, st.integers(0, 3), st.integers(4, 6), st.sampled_from(["PER", "LOC"]))
metadata = st.dictionaries(
    st.sampled_from(["line", "url", "n"]),
    st.one_of(st.integers(-3, 2**40), st.booleans(), st.text(max_size=2), st.tuples(st.integers())),
)
# A table sorts spans; the reader checks that they lie within the text.
sentences = st.lists(
    st.builds(
        Instance, texts, st.none() | st.lists(spans, max_size=4).map(sorted), metadata, st.just("a")
    ),
    max_size=8,
)


@given(sentences, st.integers(1, 8))
def test_a_table_is_built_in_parts(instances: list[Instance], characters: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance_table, "CHARACTERS_PER_PART", characters)
        table = InstanceTable.of(iter(instances))
    whole = InstanceTable.of(instances)
    assert table == whole == instances
    assert table.columns.spans is not None and whole.columns.spans is not None
    assert table.columns.spans.types == whole.columns.spans.types
    assert table.columns.texts.lengths.tolist() == [len(instance.text) for instance in instances]


@given(sentences, st.integers(1, 8), st.booleans(), st.sampled_from([str, str.upper]))
def test_joined_texts(instances: list[Instance], characters: int, selected: bool, form) -> None:
    table = InstanceTable.of(instances)[::-1] if selected else InstanceTable.of(instances)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance_table, "CHARACTERS_PER_PART", characters)
        assert "".join(table.joined(form)) == "".join(map(form, table.texts()))


def test_garbage_is_searched_for_again_after_reading() -> None:
    def failing():
        assert not gc.isenabled()
        yield Instance("a", [])
        raise KeyError("in a reader")

    with pytest.raises(KeyError):
        InstanceTable.of(failing())
    assert gc.isenabled()


@given(sentences)
def test_a_table_equals_the_instances_it_was_built_from(instances: list[Instance]) -> None:
    table = InstanceTable.of(instances)
    assert len(table) == len(instances) and list(table) == instances and table == instances
    assert [table[i] for i in range(-len(instances), len(instances))] == instances + instances
    for index in (len(instances), -len(instances) - 1):
        with pytest.raises(IndexError):
            table[index]
    assert InstanceTable.of(table) == instances and table == InstanceTable.of(instances)
    assert table != [*instances, Instance("")] and (not instances or table != instances[:-1])
    assert [type(sentence.metadata.get("line")) for sentence in table] == [
        type(sentence.metadata.get("line")) for sentence in instances
    ]


@given(sentences, st.data())
def test_any_selection(instances: list[Instance], data: st.DataObject) -> None:
    table = InstanceTable.of(instances)
    for _ in range(2):
        selection = data.draw(st.slices(len(instances)))
        table, instances = table[selection], instances[selection]
        chosen = data.draw(st.lists(st.integers(0, len(instances) - 1))) if instances else []
        table, instances = (
            table.select(np.array(chosen, dtype=np.int64)),
            [instances[i] for i in chosen],
        )
        assert table == instances and list(table.texts()) == [
            sentence.text for sentence in instances
        ]
        assert [table.text(i) for i in range(len(instances))] == [
            sentence.text for sentence in instances
        ]
        assert table.lengths.tolist() == [len(sentence.text) for sentence in instances]
        if all(sentence.spans is None for sentence in instances):
            assert table.spans is None
        else:
            assert table.spans is not None and list(table.spans) == [
                sentence.spans for sentence in instances
            ]


@given(sentences, st.integers(1, 20))
def test_parts(instances: list[Instance], characters: int) -> None:
    parts = list(InstanceTable.of(instances).parts(characters))
    assert [sentence for part in parts for sentence in part] == instances
    assert all(len(part) == 1 or part.lengths.sum() <= characters for part in parts)
    # There are as few parts as possible: the next sentence would exceed the maximum.
    for part, following in zip(parts, parts[1:], strict=False):
        assert part.lengths.sum() + following.lengths[0] > characters


def test_instances_are_created_on_access() -> None:
    table = InstanceTable.of([Instance("甲", [Span(0, 1, "X")], {"url": "u"}, "a")])
    table[0].text = table[0].metadata["url"] = ""
    table[0].spans = None
    assert table[0] == Instance("甲", [Span(0, 1, "X")], {"url": "u"}, "a")


def test_all_sentences_belong_to_one_dataset() -> None:
    instances = [Instance("甲", dataset="a"), Instance("乙", dataset="b")]
    assert [sentence.dataset for sentence in InstanceTable.of(instances)] == ["a", "a"]
    assert [
        sentence.dataset for sentence in InstanceTable.of(InstanceTable.of(instances), "c")
    ] == [
        "c",
        "c",
    ]
    assert [sentence.dataset for sentence in InstanceTable.of(InstanceTable.of(instances))] == [
        "a",
        "a",
    ]


@pytest.mark.parametrize(("at_most", "count"), [(None, 3), (2, 2), (5, 3)])
def test_maximum_number_of_sentences(at_most: int | None, count: int) -> None:
    yielded = []

    def endless() -> object:
        for i in range(3):
            yielded.append(i)
            yield Instance(str(i))

    assert [sentence.text for sentence in InstanceTable.of(endless(), at_most=at_most)] == [
        "0",
        "1",
        "2",
    ][:count]  # type: ignore
    assert len(yielded) == count
    assert len(InstanceTable.of(InstanceTable.of(map(Instance, "012")), at_most=at_most)) == count


def test_no_sentences() -> None:
    table = InstanceTable.of([])
    assert table == [] and list(table.parts()) == [] and table.spans is None and not table


def test_a_selection_copies_no_text() -> None:
    table = InstanceTable.of([Instance("甲" * 1000, [Span(0, 9)])] * 3)
    assert table[1:].columns is table.columns
    assert table.select(np.array([2, 0])).columns is table.columns


def test_place() -> None:
    """File and line of a sentence, also in selections; the name of the dataset without a file."""
    table = InstanceTable.of(
        [Instance("甲", None, {"line": 3}, "a"), Instance("乙", None, {}, "a")]
    )
    assert [table.place(i) for i in range(2)] == [("a", 3), ("a", None)]
    of_file = table.with_columns(source="corpus")[::-1]
    assert [of_file.place(i) for i in range(2)] == [("corpus", None), ("corpus", 3)]


def test_bytes_of_a_real_corpus(shared: Path) -> None:
    """MSRA train: 2.17 million characters and 74,703 entities in 45,000 sentences."""
    table = MsraReader().read(shared / "data" / "msra" / "train.bio")
    columns, spans = table.columns, table.spans
    assert (
        len(table) == 45000 and spans is not None and len(spans.types) == 3 and not columns.metadata
    )
    arrays = (
        spans.starts_S,
        spans.ends_S,
        spans.types_S,
        spans.counts_R,
        columns.lines,
        columns.texts.lengths,
    )
    # Three numbers of four bytes per sentence; two of four and one of two bytes per entity.
    assert sum(array.nbytes for array in arrays) == 3 * 4 * 45000 + (2 * 4 + 2) * len(
        spans.starts_S
    )
