from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ner_adv_plugin.evaluation.spans import label_table, lenient_spans, row_offsets, strict_spans

from ner_adv_plugin.data.labels.tag_schemes import Span, TagScheme, get_scheme

SCHEMES = [get_scheme(name) for name in ("BIO", "BIOES", "BMES", "IOB1", "BILOU")]
TYPES = ["LOC", "PER"]


def flat(rows: list[list[str]], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    tags = np.array([labels.index(tag) for row in rows for tag in row], dtype=np.int64)
    return tags, row_offsets([len(row) for row in rows])


def tagged(scheme: TagScheme) -> st.SearchStrategy[list[list[str]]]:
    """Rows of any of a scheme's tags of two types."""
    return st.lists(st.lists(st.sampled_from(scheme.labels(TYPES)), max_size=8), max_size=5)


def found(find: Callable[..., Sequence[np.ndarray]], rows: list[list[str]], scheme: TagScheme) -> list[Span]:
    """What `lenient_spans` or `strict_spans` finds in such rows."""
    labels = scheme.labels(TYPES)
    table = label_table(labels, scheme)
    columns = (column.tolist() for column in find(*flat(rows, labels), table))
    return [Span(start, end, table.type_names[kind]) for start, end, kind in zip(*columns, strict=True)]


def expected(spans: list[list[Span]], rows: list[list[str]]) -> list[Span]:
    """Spans of every row, counted from the start of the first."""
    offsets = accumulate(map(len, rows), initial=0)
    return [
        Span(span.start + offset, span.end + offset, span.type)
        for offset, own in zip(offsets, spans, strict=False)
        for span in own
    ]


@pytest.mark.parametrize("scheme", SCHEMES + [get_scheme("BMES", segmentation=True)], ids=str)
@given(data=st.data())
def test_lenient_spans_are_those_of_the_scheme(scheme: TagScheme, data: st.DataObject) -> None:
    rows = data.draw(tagged(scheme))
    assert found(lenient_spans, rows, scheme) == expected([scheme.spans(row) for row in rows], rows)


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@given(data=st.data())
def test_strict_spans_are_those_that_repair_leaves_alone(scheme: TagScheme, data: st.DataObject) -> None:
    rows = data.draw(tagged(scheme))
    sound = [
        [span for span in scheme.spans(row) if row[span.start : span.end] == repaired[span.start : span.end]]
        for row, repaired in ((row, scheme.repair(row)[0]) for row in rows)
    ]
    assert found(strict_spans, rows, scheme) == expected(sound, rows)


def test_spans_do_not_cross_rows() -> None:
    scheme = get_scheme("BIO")
    labels = scheme.labels(["X"])
    tags, offsets = flat([["O", "B-X"], [], ["I-X", "I-X"], []], labels)
    table = label_table(labels, scheme)
    assert [column.tolist() for column in lenient_spans(tags, offsets, table)] == [[1, 2], [2, 4], [0, 0]]
    assert [column.tolist() for column in strict_spans(tags, offsets, table)] == [[1], [2], [0]]


def test_label_table() -> None:
    table = label_table(["O", "I-PER", "B-LOC"], get_scheme("BIO"))
    assert table.type_names == ["LOC", "PER"]
    assert table.roles.tolist() == [0, 2, 1]
    assert table.types.tolist() == [-1, 1, 0]
    with pytest.raises(ValueError, match="'S-LOC' is not a BIO tag"):
        label_table(["O", "S-LOC"], get_scheme("BIO"))
