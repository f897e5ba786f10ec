"""Long texts are cut, and the spans of the pieces are joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.serving import Batching, Limits, ServerSettings
from ner_adv_plugin.serving.windows import join, windows

TEXTS = st.text(alphabet="王明。\n，a”", max_size=80)
SIZES = st.integers(5, 20).flatmap(
    lambda size: st.tuples(st.just(size), st.integers(0, (size - 1) // 2))
)


@given(TEXTS, SIZES)
def test_pieces_cover_the_text_in_order(text: str, sizes: tuple[int, int]) -> None:
    size, overlap = sizes
    pieces = windows(text, size, overlap)
    assert pieces[0][0] == 0 and pieces[-1][1] == len(text)
    assert all(end - start <= size for start, end in pieces)
    assert all(end > start for start, end in pieces) or text == ""
    for (_, end), (start, _) in zip(pieces[:-1], pieces[1:], strict=True):
        assert end - overlap <= start <= end
        # Without an overlap, the cut is behind a line or a sentence.
        if start == end and overlap:
            assert text[end - 1] in "。\n”"
    assert len(text) > size or pieces == [(0, len(text))]


@given(TEXTS, SIZES, st.data())
def test_joined_spans_are_those_of_the_whole_text(
    text: str, sizes: tuple[int, int], data: st.DataObject
) -> None:
    """Entities that no cut crosses are found once each, whichever pieces hold them."""
    size, overlap = sizes
    pieces = windows(text, size, overlap)
    spans, position = [], 0
    while position < len(text):
        length = data.draw(st.integers(1, 3))
        end = min(len(text), position + length)
        if data.draw(st.booleans()):
            spans.append(ScoredSpan(position, end, "A", 0.5))
        position = end

    # A span that lies in several pieces is seen by each of them.
    seen = [
        [
            span._replace(start=span.start - start, end=span.end - start)
            for span in spans
            if start <= span.start and span.end <= end
        ]
        for start, end in pieces
    ]
    joined = join(pieces, seen)
    whole = [s for s in spans if any(start <= s.start and s.end <= end for start, end in pieces)]
    if overlap >= 3 or len(pieces) == 1:
        assert set(joined) <= set(spans) and len(set(joined)) == len(joined)
    assert all(0 <= span.start < span.end <= len(text) for span in joined)
    assert [span.start for span in joined] == sorted(span.start for span in joined)
    if len(pieces) == 1:
        assert joined == whole


@given(TEXTS, SIZES, st.integers(1, 4))
def test_words_tile_the_text(text: str, sizes: tuple[int, int], length: int) -> None:
    """Words of pieces whose borders disagree still tile the text without gap or overlap."""
    size, overlap = sizes
    pieces = windows(text, size, overlap)
    words = [
        [
            ScoredSpan(first, min(first + length, end - start), "", 1.0)
            for first in range(0, end - start, length)
        ]
        for start, end in pieces
    ]
    joined = join(pieces, words)
    assert "".join(text[word.start : word.end] for word in joined) == text


def test_a_border_is_where_no_entity_is_cut() -> None:
    # The middle of the overlap, 5, is inside of an entity that both pieces see.
    left = [ScoredSpan(4, 7, "A", 0.9)]
    right = [ScoredSpan(1, 4, "A", 0.8), ScoredSpan(4, 6, "C", 0.9)]
    joined = join([(0, 8), (3, 11)], [left, right])
    assert joined == [ScoredSpan(4, 7, "A", 0.8), ScoredSpan(7, 9, "C", 0.9)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limits(texts=0), "texts: expected more than 0, found 0"),
        (lambda: Limits(characters=9, queued_characters=8), "characters: expected at most 8"),
        (lambda: Batching(max_wait=-1.0), "max_wait: expected 0 or more, found -1.0"),
        (lambda: Batching(window=10, overlap=5), "overlap: expected less than half of the window"),
        (lambda: ServerSettings(token=" "), "token: expected ASCII text"),
        (lambda: ServerSettings(stop_seconds=-1), "stop_seconds: expected 0 or more"),
    ],
)
def test_settings_are_checked(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        make()
