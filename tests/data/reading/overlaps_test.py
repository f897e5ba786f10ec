"""Removal of overlapping entities, checked against the definition of the policies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.overlaps import Flattener, resolve_overlaps

spans = st.lists(
    st.builds(
        lambda start, length, name: Span(start, start + length, name),
        st.integers(0, 6),
        st.integers(1, 5),
        st.sampled_from(["LOC", "PER"]),
    ),
    max_size=6,
)


def characters(span: Span) -> set[int]:
    """Return the positions of a span."""
    return set(range(span.start, span.end))


@pytest.mark.parametrize("policy", ["outermost", "innermost", "first"])
@given(drawn=spans)
def test_kept_spans_are_flat_and_dropped_ones_overlap_a_better_one(
    policy: str, drawn: list[Span]
) -> None:
    kept = resolve_overlaps(drawn, policy)  # type: ignore[arg-type]
    assert kept == sorted(kept) and all(kept.count(span) <= drawn.count(span) for span in kept)
    assert sum(len(characters(span)) for span in kept) == len(set().union(*map(characters, kept)))

    def better(one: Span, other: Span) -> bool:
        """Whether `one` is at least as good as `other`."""
        difference = (one.end - one.start) - (other.end - other.start)
        by_policy = {"outermost": difference >= 0, "innermost": difference <= 0}
        return by_policy.get(policy, drawn.index(one) <= drawn.index(other))

    for span in drawn:
        if span not in kept:
            assert any(
                characters(span) & characters(other) and better(other, span) for other in kept
            )


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        # Nested.
        ([(1, 2), (0, 4)], {"outermost": [(0, 4)], "innermost": [(1, 2)], "first": [(1, 2)]}),
        # Crossing; of two equally long spans the earlier one is kept.
        ([(2, 4), (0, 3)], {"outermost": [(0, 3)], "innermost": [(2, 4)], "first": [(2, 4)]}),
        ([(2, 4), (1, 3)], {"outermost": [(1, 3)], "innermost": [(1, 3)], "first": [(2, 4)]}),
        # Touching spans do not overlap.
        (
            [(2, 3), (0, 2)],
            {
                "outermost": [(0, 2), (2, 3)],
                "innermost": [(0, 2), (2, 3)],
                "first": [(0, 2), (2, 3)],
            },
        ),
        # A long span that overlaps two others.
        (
            [(0, 2), (1, 5), (4, 6)],
            {"outermost": [(1, 5)], "innermost": [(0, 2), (4, 6)], "first": [(0, 2), (4, 6)]},
        ),
    ],
)
def test_policies_by_hand(
    drawn: list[tuple[int, int]], expected: dict[str, list[tuple[int, int]]]
) -> None:
    for policy, ranges in expected.items():
        kept = resolve_overlaps([Span(*edges, "X") for edges in drawn], policy)  # type: ignore[arg-type]
        assert [(span.start, span.end) for span in kept] == ranges


def test_of_spans_with_equal_edges_the_first_is_kept() -> None:
    drawn = [Span(0, 2, "PER"), Span(0, 2, "LOC")]
    for policy in ("outermost", "innermost", "first"):
        assert resolve_overlaps(drawn, policy) == [Span(0, 2, "PER")]


def test_dropped_spans_are_counted() -> None:
    flattener = Flattener("outermost")
    assert flattener.needed and not Flattener("keep").needed and not Flattener("error").needed
    flat = flattener(Instance("甲乙丙", [Span(0, 3, "X"), Span(0, 1, "X"), Span(1, 2, "Y")]))
    assert flat.spans == [(0, 3, "X")] and flattener.dropped == 2
    assert flattener(Instance("甲")).spans is None and flattener.dropped == 2
