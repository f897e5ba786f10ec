import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.labels.tag_schemes import Role, TagScheme, get_scheme

NAMES = ["BIO", "BIOES", "BMES", "IOB1", "BILOU"]
SEGMENTATION = ["BMES", "BIOES", "BIO", "BILOU"]


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans that may be adjacent but do not overlap, and the length of their sentence."""
    spans, position = [], 0
    for gap, length, name in draw(
        st.lists(
            st.tuples(
                st.integers(0, 2), st.integers(1, 4), st.sampled_from(["LOC", "PER.NAM", "A-B"])
            )
        )
    ):
        spans.append(Span(position + gap, position + gap + length, name))
        position += gap + length
    return spans, position + draw(st.integers(0, 2))


def all_sentences(length: int, types: list[str], gaps: bool) -> list[list[Span]]:
    """Return every set of spans that a sentence of this length can have."""
    if length == 0:
        return [[]]
    found = all_sentences(length - 1, types, gaps) if gaps else []
    for start in range(length):
        prefixes = all_sentences(start, types, gaps)
        found += [[*prefix, Span(start, length, name)] for prefix in prefixes for name in types]
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BIO", "B-X I-X B-X O B-Y B-X I-X I-X"),
        ("IOB1", "I-X I-X B-X O I-Y I-X I-X I-X"),
        ("BIOES", "B-X E-X S-X O S-Y B-X I-X E-X"),
        ("BMES", "B-X E-X S-X O S-Y B-X M-X E-X"),
        ("BILOU", "B-X L-X U-X O U-Y B-X I-X L-X"),
    ],
)
def test_tags_of_a_sentence_by_hand(name: str, expected: str) -> None:
    spans = [Span(0, 2, "X"), Span(2, 3, "X"), Span(4, 5, "Y"), Span(5, 8, "X")]
    assert get_scheme(name).tags(spans, 8) == expected.split()
    assert get_scheme(name).spans(expected.split()) == spans


@pytest.mark.parametrize("name", NAMES)
@given(sentence=sentences())
def test_round_trip_of_entities(name: str, sentence: tuple[list[Span], int]) -> None:
    scheme = get_scheme(name)
    tags = scheme.tags(*sentence)
    assert len(tags) == sentence[1]
    assert scheme.spans(tags) == sentence[0]
    assert scheme.repair(tags) == (tags, 0)
    assert scheme.illegal(tags) == []


@pytest.mark.parametrize("name", SEGMENTATION)
@given(lengths=st.lists(st.integers(1, 5)))
def test_round_trip_of_words(name: str, lengths: list[int]) -> None:
    scheme = get_scheme(name, segmentation=True)
    words = tiling(lengths)
    tags = scheme.tags(words, sum(lengths))
    assert set(tags) <= set(scheme.labels())
    assert scheme.spans(tags) == words


@pytest.mark.parametrize(
    "scheme",
    [get_scheme(name) for name in NAMES]
    + [get_scheme(name, segmentation=True) for name in SEGMENTATION],
    ids=str,
)
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_transitions_allow_exactly_the_encodings_of_spans(scheme: TagScheme, length: int) -> None:
    types = [""] if scheme.segmentation else ["X", "Y"]
    labels = scheme.labels(types)
    starts, pairs, ends = scheme.transitions(labels)
    assert starts.shape == ends.shape == (len(labels),) and pairs.shape == (
        len(labels),
        len(labels),
    )
    sentences_of_spans = all_sentences(length, types, gaps=not scheme.segmentation)
    written = {tuple(scheme.tags(spans, length)) for spans in sentences_of_spans}
    for path in itertools.product(range(len(labels)), repeat=length):
        allowed = (
            starts[path[0]]
            and ends[path[-1]]
            and all(pairs[i, j] for i, j in itertools.pairwise(path))
        )
        tags = [labels[i] for i in path]
        assert allowed == (tuple(tags) in written), tags
        assert allowed == (scheme.illegal(tags) == [])


@pytest.mark.parametrize(
    ("name", "tags", "repaired", "changed"),
    [
        ("BIO", "I-X I-X O I-Y", "B-X I-X O B-Y", 2),
        ("BIO", "B-X I-Y I-Y", "B-X B-Y I-Y", 1),
        ("IOB1", "B-X I-X O B-Y", "I-X I-X O I-Y", 2),
        ("IOB1", "I-X B-Y", "I-X I-Y", 1),
        ("BIOES", "B-X O I-X E-X", "S-X O B-X E-X", 2),
        ("BIOES", "B-X I-X E-Y", "B-X E-X S-Y", 2),
        ("BIOES", "S-X I-X", "S-X S-X", 1),
        ("BILOU", "L-X L-X", "U-X U-X", 2),
        ("BMES", "M-X M-X M-X", "B-X M-X E-X", 2),
    ],
)
def test_repair_by_hand(name: str, tags: str, repaired: str, changed: int) -> None:
    assert get_scheme(name).repair(tags.split()) == (repaired.split(), changed)


def test_repair_of_words_by_hand() -> None:
    assert get_scheme("BMES", segmentation=True).repair(list("MMBESM")) == (list("BEBESS"), 3)


@pytest.mark.parametrize("name", ["BIO", "IOB1", "BIOES"])
@given(data=st.data())
def test_spans_of_any_tags_equal_those_of_seqeval(name: str, data: st.DataObject) -> None:
    scheme = get_scheme(name)
    tags = data.draw(st.lists(st.sampled_from(scheme.labels(["LOC", "PER"])), max_size=10))
    spans = [(span.type, span.start, span.end - 1) for span in scheme.spans(tags)]
    assert spans == get_entities(tags)
    repaired, changed = scheme.repair(tags)
    assert scheme.illegal(repaired) == []
    assert scheme.spans(repaired) == scheme.spans(tags)
    assert changed == sum(old != new for old, new in zip(tags, repaired, strict=True))


def test_illegal_positions() -> None:
    assert get_scheme("BIO").illegal(["I-X", "O", "B-X", "I-Y"]) == [0, 3]
    assert get_scheme("BIOES").illegal(["O", "B-X"]) == [2]


def test_labels_are_sorted_and_outside_is_first() -> None:
    assert get_scheme("BIO").labels(["PER", "LOC", "PER"]) == [
        "O",
        "B-LOC",
        "I-LOC",
        "B-PER",
        "I-PER",
    ]
    assert get_scheme("BMES", segmentation=True).labels() == ["B", "M", "E", "S"]


def test_parse() -> None:
    assert get_scheme("BIO").parse("B-PER.NAM") == (Role.BEGIN, "PER.NAM")
    assert get_scheme("BMES").parse("M-A-B") == (Role.INSIDE, "A-B")
    assert get_scheme("BILOU", segmentation=True).parse("U") == (Role.SINGLE, "")
    assert get_scheme("BIO").parse("O") == (Role.OUTSIDE, "")


@pytest.mark.parametrize("tag", ["", "B", "B-", "-PER", "E-PER", "b-PER", "O-PER", " O", "PER-B"])
def test_parse_of_unknown_tags(tag: str) -> None:
    with pytest.raises(ValueError, match="is not a BIO tag: expected O, B-TYPE or I-TYPE"):
        get_scheme("BIO").parse(tag)


def test_segmentation_has_no_outside_tag() -> None:
    scheme = get_scheme("BMES", segmentation=True)
    with pytest.raises(ValueError, match="expected B, M, E or S"):
        scheme.parse("O")
    with pytest.raises(ValueError, match="1 characters belong to no word"):
        scheme.tags([Span(0, 2, "")], 3)


@pytest.mark.parametrize(
    "spans", [[Span(0, 2, "X"), Span(1, 3, "X")], [Span(2, 5, "X")], [Span(1, 1, "X")]]
)
def test_invalid_spans(spans: list[Span]) -> None:
    with pytest.raises(
        ValueError, match="is empty, overlaps another span or exceeds the sentence of 4 characters"
    ):
        get_scheme("BIO").tags(spans, 4)


def test_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(
        ConfigurationError, match='"BIOS": .* BIO, BIOES, BMES, IOB1, BILOU. .*"BIOES"'
    ):
        get_scheme("BIOS")
    with pytest.raises(ConfigurationError, match='"IOB1" for word segmentation'):
        get_scheme("IOB1", segmentation=True)


def test_transitions_of_no_labels() -> None:
    starts, pairs, ends = get_scheme("BIO").transitions([])
    assert (starts.shape, pairs.shape, ends.shape) == ((0,), (0, 0), (0,))
    assert pairs.dtype == np.bool_
