"""Tags of many sentences at once, compared with `TagScheme`, which handles single sentences."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.scheme import BILOU, IOB2, IOBES, Entities

from ner_adv_plugin.data.labels.spans import Span, SpanTable, tiling
from ner_adv_plugin.data.labels.tag_arrays import (
    TagTable,
    lenient_spans,
    sentence_offsets,
    strict_spans,
    write_spans,
)
from ner_adv_plugin.data.labels.tag_schemes import Role, TagScheme, get_scheme

TYPES = ["LOC", "PER"]
SCHEMES = [get_scheme(name) for name in ("BIO", "BIOES", "BMES", "IOB1", "BILOU")]
OF_WORDS = [get_scheme(name, segmentation=True) for name in ("BMES", "BIO", "BIOES", "BILOU")]
# seqeval reads `B-X I-X` in IOB1 as two entities.
SEQEVAL = {"BIO": IOB2, "BIOES": IOBES, "BILOU": BILOU}
every_scheme = pytest.mark.parametrize("scheme", SCHEMES + OF_WORDS, ids=str)


def types_of(scheme: TagScheme) -> list[str]:
    """Return the types of a table of this scheme."""
    return [""] if scheme.segmentation else TYPES


@st.composite
def sentences(draw: st.DrawFn, scheme: TagScheme) -> list[tuple[list[Span], int]]:
    """Spans of several sentences with the sentences' lengths, which may be 0.

    Spans do not overlap but may be adjacent; words leave no gap.
    """
    made = []
    for sizes in draw(
        st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=4), max_size=4)
    ):
        if scheme.segmentation:
            made.append((tiling(size for _, size in sizes), sum(size for _, size in sizes)))
            continue
        spans, end = [], 0
        for gap, size in sizes:
            spans.append(Span(end + gap, end + gap + size, draw(st.sampled_from(TYPES))))
            end += gap + size
        made.append((spans, end + draw(st.integers(0, 2))))
    return made


@st.composite
def tagged(draw: st.DrawFn, scheme: TagScheme) -> list[list[str]]:
    """Tag sequences of a scheme, legal or not."""
    tags = st.lists(st.sampled_from(scheme.labels(types_of(scheme))), max_size=8)
    return draw(st.lists(tags, max_size=5))


def found(
    read: Callable[..., SpanTable],
    sentences: list[list[str]],
    scheme: TagScheme,
    types: list[str] | None = None,
) -> list[list[Span] | None]:
    """Decode tag sequences with `lenient_spans` or `strict_spans`."""
    types = types or types_of(scheme)
    labels = scheme.labels(types)
    tags = np.array(
        [labels.index(tag) for sentence in sentences for tag in sentence], dtype=np.int64
    )
    return list(
        read(
            tags,
            sentence_offsets([len(sentence) for sentence in sentences]),
            TagTable.of(scheme, types),
        )
    )


@every_scheme
@given(data=st.data())
def test_write_spans_equals_tags_of_the_scheme(scheme: TagScheme, data: st.DataObject) -> None:
    drawn = data.draw(sentences(scheme))
    types = types_of(scheme)
    table = SpanTable.of([spans for spans, _ in drawn], types)
    tags = write_spans(
        table, sentence_offsets([length for _, length in drawn]), TagTable.of(scheme, types)
    )
    labels = scheme.labels(types)
    assert [labels[tag] for tag in tags] == [
        tag for spans, length in drawn for tag in scheme.tags(spans, length)
    ]


@every_scheme
@pytest.mark.parametrize("read", [lenient_spans, strict_spans])
@given(data=st.data())
def test_round_trip(scheme: TagScheme, read: Callable[..., SpanTable], data: st.DataObject) -> None:
    drawn = data.draw(sentences(scheme))
    types = types_of(scheme)
    offsets, table = sentence_offsets([length for _, length in drawn]), TagTable.of(scheme, types)
    tags = write_spans(SpanTable.of([spans for spans, _ in drawn], types), offsets, table)
    assert list(read(tags, offsets, table)) == [spans for spans, _ in drawn]


@every_scheme
@given(data=st.data())
def test_lenient_spans_equal_spans_of_the_scheme(scheme: TagScheme, data: st.DataObject) -> None:
    sentences = data.draw(tagged(scheme))
    assert found(lenient_spans, sentences, scheme) == [
        scheme.spans(sentence) for sentence in sentences
    ]


@every_scheme
@given(data=st.data())
def test_strict_spans_are_those_unchanged_by_repair(scheme: TagScheme, data: st.DataObject) -> None:
    sentences = data.draw(tagged(scheme))
    well_formed = [
        [
            span
            for span in scheme.spans(sentence)
            if sentence[span.start : span.end] == repaired[span.start : span.end]
        ]
        for sentence, repaired in ((sentence, scheme.repair(sentence)[0]) for sentence in sentences)
    ]
    assert found(strict_spans, sentences, scheme) == well_formed


@pytest.mark.parametrize("name", SEQEVAL)
@given(data=st.data())
def test_strict_spans_equal_those_of_seqeval(name: str, data: st.DataObject) -> None:
    scheme = get_scheme(name)
    sentences = data.draw(tagged(scheme))
    expected = [
        [(entity.start, entity.end, entity.tag) for entity in entities]
        for entities in Entities(sentences, SEQEVAL[name]).entities
    ]
    assert found(strict_spans, sentences, scheme) == expected


def test_spans_do_not_cross_sentences() -> None:
    sentences = [["O", "B-X"], [], ["I-X", "I-X"], []]
    assert found(lenient_spans, sentences, get_scheme("BIO"), ["X"]) == [
        [(1, 2, "X")],
        [],
        [(0, 2, "X")],
        [],
    ]
    assert found(strict_spans, sentences, get_scheme("BIO"), ["X"]) == [[(1, 2, "X")], [], [], []]


def test_tag_table() -> None:
    table = TagTable.of(get_scheme("BIO"), ["LOC", "PER"])
    assert table.type_names == ("LOC", "PER")
    assert table.roles_T.tolist() == [
        Role.OUTSIDE,
        Role.BEGIN,
        Role.INSIDE,
        Role.BEGIN,
        Role.INSIDE,
    ]
    assert table.types_T.tolist() == [-1, 0, 0, 1, 1]
    assert table.tag_of(Role.INSIDE).tolist() == [2, 4]
    words = TagTable.of(get_scheme("BMES", segmentation=True), [""])
    assert words.types_T.tolist() == [0, 0, 0, 0] and words.tag_of(Role.SINGLE).tolist() == [3]
