"""Training windows: long sentences are cut into shorter ones, never within an entity or a word.

Shape suffixes: S spans.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset

logger = logging.getLogger(__name__)


def training_windows(dataset: EncodedDataset, max_length: int) -> EncodedDataset:
    """Cut long training sentences into windows, each a sentence, and log how many were cut.

    No window ends within an entity or a word; an entity or word longer than `max_length` forms a
    longer window by itself. Unlabelled text is cut anywhere. The labels at the edges of a window
    are trained like those at the edges of a sentence (start and end transitions of a CRF). This is
    an approximation; validation, evaluation and prediction use whole sentences.

    # Parameters

    dataset : the training sentences, uncut.
    max_length : maximum number of characters in a window.

    # Returns

    The windows, or `dataset` itself if no sentence is longer.
    """
    long_sentences = np.flatnonzero(dataset.lengths > max_length)
    if not len(long_sentences):
        return dataset

    borders = {
        sentence: window_borders(_allowed_borders(dataset, sentence), max_length)
        for sentence in long_sentences.tolist()
    }
    windows = dataset.cut(borders)

    message = "%s: %d of %d training sentences are longer than %d characters: cut into %d windows"
    made = len(windows) - len(dataset) + len(long_sentences)
    logger.info(message, dataset.dataset, len(long_sentences), len(dataset), max_length, made)
    longer = windows.lengths[windows.lengths > max_length]
    if len(longer):
        message = (
            "%s: %d windows stay longer than %d characters (longest: %d), as an entity or a word "
            "cannot be cut"
        )
        logger.warning(message, dataset.dataset, len(longer), max_length, longer.max())
    return windows


def _allowed_borders(dataset: EncodedDataset, sentence: int) -> NDArray[np.bool_]:
    """Return for each border, (length + 1,), whether no span of the sentence crosses it."""
    depth: NDArray[np.int64] = np.zeros(int(dataset.lengths[sentence]) + 1, dtype=np.int64)
    for span in dataset.gold(sentence):
        depth[span.start + 1 : span.end] += 1

    return depth == 0


def window_borders(allowed: NDArray[np.bool_], max_length: int) -> NDArray[np.int64]:
    """Return the borders of the windows of a sentence, from 0 to its length.

    The number of windows is minimal. Among such splits the sum of squared lengths is minimal, so
    that the windows are as equal as the allowed borders permit. Two adjacent allowed borders
    further apart than `max_length` enclose one window.

    # Parameters

    allowed : whether a border is allowed before each character and at the end, (length + 1,); the
        first and the last are always borders.
    max_length : maximum number of characters in a window.

    # Examples

    >>> window_borders(np.ones(8, dtype=bool), 3).tolist()
    [0, 2, 4, 7]
    """
    length = len(allowed) - 1
    fewest = -(-length // max_length)
    even = np.arange(fewest + 1) * length // fewest
    if allowed[even].all():
        return even

    # Dynamic programme over the allowed borders; `first_start` bounds the previous one.
    positions = np.flatnonzero(allowed)
    count = len(positions)
    first_start = np.minimum(
        np.searchsorted(positions, positions - max_length), np.arange(count) - 1
    )
    cost: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
    previous: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
    for end in range(1, count):
        first = first_start[end]
        costs = cost[first:end] + (positions[end] - positions[first:end]) ** 2
        previous[end] = first + costs.argmin()
        # An additional window costs more than any sum of squared lengths.
        cost[end] = costs.min() + length**2

    borders = [count - 1]
    while borders[-1]:
        borders.append(int(previous[borders[-1]]))
    return positions[borders[::-1]]
