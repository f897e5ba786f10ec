"""Cutting of long texts into pieces, and joining of their spans."""

import re
from collections.abc import Sequence
from itertools import pairwise

from ner_adv_plugin.data.labels.spans import ScoredSpan

Window = tuple[int, int]
# Where a text is cut, best first: after a line break, after the end of a sentence.
_CUTS = (re.compile(r"\n+"), re.compile(r"[。！？!?…；;]+[”’」』）)\"]*"))


def windows(text: str, size: int, overlap: int) -> list[Window]:
    """Return start and end of the pieces of a text, which cover it.

    A text of at most `size` characters is one piece. A longer one is cut at the last line break of
    the second half of a piece, or else at the last end of a sentence there; without either, two
    pieces share `overlap` characters.

    # Parameters

    text : the text.
    size : maximum number of characters of a piece.
    overlap : number of shared characters, less than half of `size`.

    # Examples

    >>> windows("王明到了。李雷走了。", size=8, overlap=2)
    [(0, 5), (5, 10)]
    >>> windows("王明明王明明", size=4, overlap=1)
    [(0, 4), (3, 6)]
    """
    found, start = [], 0
    while len(text) - start > size:
        end = start + size
        cut = _cut(text, start + size // 2, end)
        found.append((start, cut or end))
        start = cut or end - overlap

    found.append((start, len(text)))
    return found


def _cut(text: str, first: int, last: int) -> int | None:
    """Return the best position to cut at from `first` + 1 to `last`; None if there is none."""
    for pattern in _CUTS:
        ends = [match.end() for match in pattern.finditer(text, first, last)]
        if ends:
            return ends[-1]
    return None


def join(pieces: Sequence[Window], spans: Sequence[Sequence[ScoredSpan]]) -> list[ScoredSpan]:
    """Join the spans of the pieces of a text.

    Inside of an overlap the left piece counts up to a position, from which on the right one counts:
    the position nearest to the middle that no span of either crosses.

    # Parameters

    pieces : the pieces, see `windows`.
    spans : the spans of each, with positions in the piece.

    # Returns

    The spans with positions in the text, in the order of the pieces. A span that crosses all
    positions of an overlap is cut in its middle.
    """
    shifted = [
        [span._replace(start=span.start + start, end=span.end + start) for span in own]
        for (start, _), own in zip(pieces, spans, strict=True)
    ]
    borders = [
        _border(left, right, end, start)
        for (left, right), ((_, end), (start, _)) in zip(
            pairwise(shifted), pairwise(pieces), strict=True
        )
    ]

    length = pieces[-1][1]
    joined = []
    for own, first, last in zip(shifted, [0, *borders], [*borders, length], strict=True):
        clipped = (
            span._replace(start=max(span.start, first), end=min(span.end, last)) for span in own
        )
        joined += [span for span in clipped if span.start < span.end]
    return joined


def _border(left: Sequence[ScoredSpan], right: Sequence[ScoredSpan], end: int, start: int) -> int:
    """Return the position at which the right piece, from `start`, takes over from the left one."""
    middle = (start + end) // 2
    crossing = [span for span in (*left, *right) if span.end > start and span.start < end]
    for position in sorted(range(start, end + 1), key=lambda position: abs(position - middle)):
        if not any(span.start < position < span.end for span in crossing):
            return position
    return middle
