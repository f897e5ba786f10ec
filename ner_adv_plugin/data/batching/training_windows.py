"""Training windows: long sentences cut into several, never within an entity or a word.

Shape suffixes: S spans.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset

logger = logging.getLogger(__name__)


def training_windows(dataset: EncodedDataset, max_length: int) -> EncodedDataset:
    """The same characters in sentences of at most `max_length`, each window a sentence; what was cut is logged.

    A window ends outside of every entity and word. An entity or word longer than `max_length` is a longer window,
    alone. Text without labels is cut anywhere. Labels at a window's edges are learnt as those at a sentence's (the
    start and end transitions of a CRF): an approximation that validation, evaluation and prediction, which take
    sentences whole, do not make.

    # Parameters

    dataset : training sentences, as they were read.
    max_length : characters of a window at most.
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
        message = "%s: %d windows have no place to be cut at and stay longer than %d characters, the longest has %d"
        logger.warning(message, dataset.dataset, len(longer), max_length, longer.max())
    return windows


def _allowed_borders(dataset: EncodedDataset, sentence: int) -> NDArray[np.bool_]:
    """`(length + 1,)` whether no span of a sentence reaches across each border."""
    depth: NDArray[np.int64] = np.zeros(int(dataset.lengths[sentence]) + 1, dtype=np.int64)
    for span in dataset.gold(sentence):
        depth[span.start + 1 : span.end] += 1
    return depth == 0


def window_borders(allowed: NDArray[np.bool_], max_length: int) -> NDArray[np.int64]:
    """The ends of the windows of a sentence, from 0 to its length.

    There are as few windows as possible, with the least sum of squared lengths, so that they are as equal as the
    borders allow. Two neighbouring borders further apart than `max_length` enclose one window.

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
