import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.tag_schemes import Span, TagScheme, get_scheme
from ner_adv_plugin.evaluation.spans import label_table, lenient_spans, row_offsets, strict_spans

SCHEMES = [get_scheme(name) for name in ("BIO", "BIOES", "BMES", "IOB1", "BILOU")]


def flat(rows: list[list[str]], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    tags = np.array([labels.index(tag) for row in rows for tag in row], dtype=np.int64)
    return tags, row_offsets([len(row) for row in rows])


def expected(rows: list[list[Span]], offsets: np.ndarray) -> list[Span]:
    return [
        Span(span.start + offset, span.end + offset, span.type)
        for offset, row in zip(offsets.tolist(), rows, strict=False)
        for span in row
    ]


@pytest.mark.parametrize("scheme", SCHEMES + [get_scheme("BMES", segmentation=True)], ids=str)
@given(data=st.data())
def test_lenient_spans_are_those_of_the_scheme(scheme: TagScheme, data: st.DataObject) -> None:
    labels = scheme.labels(["LOC", "PER"])
    rows = data.draw(st.lists(st.lists(st.sampled_from(labels), max_size=8), max_size=5))
    tags, offsets = flat(rows, labels)
    table = label_table(labels, scheme)
    columns = (column.tolist() for column in lenient_spans(tags, offsets, table))
    found = [Span(start, end, table.type_names[kind]) for start, end, kind in zip(*columns, strict=True)]
    assert found == expected([scheme.spans(row) for row in rows], offsets)


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@given(data=st.data())
def test_strict_spans_are_those_that_repair_leaves_alone(scheme: TagScheme, data: st.DataObject) -> None:
    labels = scheme.labels(["LOC", "PER"])
    rows = data.draw(st.lists(st.lists(st.sampled_from(labels), max_size=8), max_size=5))
    tags, offsets = flat(rows, labels)
    table = label_table(labels, scheme)
    columns = (column.tolist() for column in strict_spans(tags, offsets, table))
    found = [Span(start, end, table.type_names[kind]) for start, end, kind in zip(*columns, strict=True)]
    sound = [
        [span for span in scheme.spans(row) if row[span.start : span.end] == repaired[span.start : span.end]]
        for row, repaired in ((row, scheme.repair(row)[0]) for row in rows)
    ]
    assert found == expected(sound, offsets)


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
