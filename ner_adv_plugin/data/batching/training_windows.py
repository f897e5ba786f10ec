"""Training windows: long rows cut into several where no entity and no word is."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.labels.tag_schemes import TagScheme

logger = logging.getLogger(__name__)


def training_windows(rows: EncodedRows, max_length: int) -> EncodedRows:
    """The same characters in rows of at most `max_length`, each window a row of its own; what was cut is logged.

    A window begins and ends where a row with its tags may: outside of every entity and word. An entity or word longer
    than `max_length` is a longer window, alone. Text without tags is cut anywhere. Labels at a window's edges are
    learnt as those at a row's (the start and end transitions of a CRF): an approximation that validation, evaluation
    and prediction, which take rows whole, do not make.

    # Parameters

    rows : training rows, as they were read.
    max_length : characters of a window at most.
    """
    long_rows = np.flatnonzero(rows.lengths > max_length)
    if not len(long_rows):
        return rows
    between = _border_between(rows.scheme, rows.labels) if rows.tags is not None and rows.scheme is not None else None
    borders = {}
    for row in long_rows.tolist():
        allowed: NDArray[np.bool_] = np.ones(int(rows.lengths[row]) + 1, dtype=bool)
        if between is not None:
            tags = rows.row_tags(row)
            allowed[1:-1] = between[tags[:-1], tags[1:]]
        borders[row] = window_borders(allowed, max_length)
    windows = rows.cut(borders)
    message = "%s: %d of %d training rows are longer than %d characters: cut into %d windows"
    made = len(windows) - len(rows) + len(long_rows)
    logger.info(message, rows.dataset, len(long_rows), len(rows), max_length, made)
    longer = windows.lengths[windows.lengths > max_length]
    if len(longer):
        message = "%s: %d windows have no place to be cut at and stay longer than %d characters, the longest has %d"
        logger.warning(message, rows.dataset, len(longer), max_length, longer.max())
    return windows


def window_borders(allowed: NDArray[np.bool_], max_length: int) -> NDArray[np.int64]:
    """Where the windows of a row begin and end, from 0 to its length.

    There are as few windows as can be, and of all such ways the sum of their squared lengths is the least: they are
    as equal as the places allow. Two neighbouring places further apart than `max_length` are a window of their own.

    # Parameters

    allowed : whether there may be a border before each character, and at the end, (length + 1,); the first and the
        last are borders.
    max_length : characters of a window at most.
    """
    length = len(allowed) - 1
    count = -(-length // max_length)
    even = np.arange(count + 1) * length // count
    if allowed[even].all():
        return even
    places = np.flatnonzero(allowed)
    reach = np.minimum(np.searchsorted(places, places - max_length), np.arange(len(places)) - 1)
    # One window more costs more than any squares.
    cost: NDArray[np.int64] = np.zeros(len(places), dtype=np.int64)
    before: NDArray[np.int64] = np.zeros(len(places), dtype=np.int64)
    for end in range(1, len(places)):
        first = reach[end]
        options = cost[first:end] + (places[end] - places[first:end]) ** 2
        before[end] = first + options.argmin()
        cost[end] = options.min() + length**2
    borders = [len(places) - 1]
    while borders[-1]:
        borders.append(int(before[borders[-1]]))
    return places[borders[::-1]]


def _border_between(scheme: TagScheme, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Between which labels there may be a border, (T, T) [left, right]: where none spans both, and where the one may
    end a row and the other begin it (not so in IOB1 the tag of a span that touches the one before)."""
    starts, _, ends = scheme.transitions(labels)
    spans = [[scheme.spans([left, right]) for right in labels] for left in labels]
    apart = np.array([[all(span.end - span.start < 2 for span in own) for own in row] for row in spans], dtype=bool)
    return ends[:, None] & starts[None, :] & apart
