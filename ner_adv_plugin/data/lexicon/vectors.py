"""Word vectors in text files."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading.utf8_lines import utf8_lines


def read_vectors(
    path: str, wanted: Collection[str] | None = None
) -> tuple[dict[str, NDArray[np.float32]], int]:
    """Read word vectors in the text format of word2vec.

    # Parameters

    path : a UTF-8 file with a word and its numbers in every line, parted by spaces; a first line
        with the number of words and the size of a vector is skipped. Single words that are not
        UTF-8 are read with replacement characters.
    wanted : the words to keep; None for all.

    # Returns

    The vectors by word, and their size.

    # Raises

    DataError : the file is not UTF-8, or a line has another number of values than the first, or no
        numbers.
    """
    vectors: dict[str, NDArray[np.float32]] = {}
    size = 0
    for number, line in utf8_lines(path, errors="replace"):
        word, *values = line.rstrip(" ").split(" ")
        if not word or (number == 1 and len(values) == 1):
            continue
        size = size or len(values)
        if len(values) != size or not size:
            raise DataError(path, number, line[:80], f"a word and {size or 'its'} numbers")
        if wanted is None or word in wanted:
            vectors[word] = _vector(path, number, line, values)
    if not size:
        raise DataError(path, None, "no vectors", "a word and its numbers in every line")
    return vectors, size


def _vector(path: str, number: int, line: str, values: Sequence[str]) -> NDArray[np.float32]:
    try:
        vector = np.array(values, dtype=np.float32)
    except ValueError as error:
        raise DataError(path, number, line[:80], "a word and its numbers") from error
    if not np.isfinite(vector).all():
        raise DataError(path, number, line[:80], "a word and finite numbers")
    return vector
