"""Windows over long sequences, and groups of sequences of similar length."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.windows import Window, cover, length_groups


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, int, int]:
    """Length of a sequence, size of a window, overlap."""
    size = draw(st.integers(1, 600))
    return draw(st.integers(0, 6000)), size, draw(st.integers(0, size - 1))


@given(layouts())
@example((1200, 510, 64))
@example((511, 510, 509))
def test_kept_ranges_tile_the_sequence(layout: tuple[int, int, int]) -> None:
    length, size, overlap = layout
    windows = cover(7, length, size, overlap)
    assert windows[0].keep_start == 0 and windows[-1].keep_stop == length
    assert all(left.keep_stop == right.keep_start for left, right in pairwise(windows))
    for window in windows:
        assert window.sequence == 7
        assert 0 <= window.start <= window.keep_start <= window.keep_stop <= window.stop <= length
        assert len(window) == min(size, length)
    for left, right in pairwise(windows):
        assert left.stop - right.start >= overlap
        # The border is in the middle of the overlap, up to one position.
        border = left.keep_stop
        assert abs((left.stop - border) - (border - right.start)) <= 1


@given(layouts())
def test_number_of_windows_is_minimal(layout: tuple[int, int, int]) -> None:
    length, size, overlap = layout
    count = len(cover(0, length, size, overlap))
    if count > 1:
        assert (count - 1) * size - (count - 2) * overlap < length


def test_cover_by_hand() -> None:
    assert cover(3, 10, 12, 4) == [Window(3, 0, 10, 0, 10)]
    # Two windows of 12 over 20 positions share 4, positions 8 to 11, and meet at 10.
    assert cover(3, 20, 12, 4) == [Window(3, 0, 12, 0, 10), Window(3, 8, 20, 10, 20)]


def cost(groups: list[tuple[int, int]], lengths: list[int], overhead: int) -> int:
    return sum((stop - first) * lengths[first] + overhead for first, stop in groups)


def allowed(groups: list[tuple[int, int]], lengths: list[int], most: int) -> bool:
    return all(
        stop - first == 1 or (stop - first) * lengths[first] <= most for first, stop in groups
    )


def partitions(count: int) -> list[list[tuple[int, int]]]:
    """All partitions of `count` sequences into consecutive groups."""
    found = []
    for cuts in range(2 ** max(count - 1, 0)):
        edges = [0, *(i + 1 for i in range(count - 1) if cuts >> i & 1), count]
        found.append(list(pairwise(edges)))
    return found


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(0, 100), st.integers(1, 200)
)
def test_groups_cost_least_of_all_partitions(lengths: list[int], overhead: int, most: int) -> None:
    lengths.sort(reverse=True)
    groups = length_groups(lengths, overhead, most)
    options = [option for option in partitions(len(lengths)) if allowed(option, lengths, most)]
    assert groups in options
    assert cost(groups, lengths, overhead) == min(
        cost(option, lengths, overhead) for option in options
    )


def test_groups_by_hand() -> None:
    assert length_groups([], 5, 100) == []
    # One group costs 4 x 10 + 5 = 45; {10, 9}, {2, 1} costs 20 + 5 + 4 + 5 = 34.
    assert length_groups([10, 9, 2, 1], 5, 100) == [(0, 2), (2, 4)]
    assert length_groups([10, 9, 2, 1], 50, 100) == [(0, 4)]
    assert length_groups([10, 10, 10], 50, 20) in ([(0, 1), (1, 3)], [(0, 2), (2, 3)])
    # A sequence longer than the limit is a group of its own.
    assert length_groups([300, 1], 1000, 100) == [(0, 1), (1, 2)]
