"""Containment: which of many texts occur within which others.

For real corpora the time is linear in the total length of the texts.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# Minimum number of letters and digits of a text that is searched for within others.
CONTAINED_FROM = 8
# Number of characters hashed at a time, which bounds memory.
BLOCK = 1 << 20
# The hash of a gram is a polynomial modulo 2^64 in this odd number without a regular pattern.
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def normalise(text: str) -> str:
    """Apply NFKC, convert to lower case, and keep letters and digits only.

    A text without letters and digits is returned unchanged.

    # Examples

    >>> normalise("Ｈｅｌｌｏ，　世界！")
    'hello世界'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(filter(str.isalnum, folded)) or text


def is_searchable(normalised: str) -> bool:
    """Return whether a normalised text is searched for within others.

    It must have at least `CONTAINED_FROM` letters and digits.
    """
    return len(normalised) >= CONTAINED_FROM and normalised[0].isalnum()


def candidates(
    inner: Sequence[str], outer: Sequence[str]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield for each inner text the few outer texts that may contain it.

    A text that contains another one contains each of its runs of `CONTAINED_FROM` characters
    (grams), so that only the outer texts with the rarest gram of the inner text are candidates. A
    gram that many sentences share, as in a date line or a laugh of a hundred characters, is the
    rarest one only of a text that consists of nothing else. The texts themselves are not compared.

    # Parameters

    inner : texts of at least `CONTAINED_FROM` characters.
    outer : any texts.

    # Returns

    Pairs of an index into `inner` and ascending indices into `outer`.
    """
    hashes, owners = _grams(inner)
    known, own_grams = np.unique(hashes, return_inverse=True)
    bounds = np.searchsorted(owners, np.arange(len(inner) + 1))
    found = _outer_with(known, outer)
    starts = np.searchsorted(found, np.arange(len(known) + 1, dtype=np.int64) * len(outer))
    counts_of_own = np.diff(starts)[own_grams]

    for i in range(len(inner)):
        counts = counts_of_own[bounds[i] : bounds[i + 1]]
        rarest = int(counts.argmin())
        if counts[rarest]:
            gram = own_grams[bounds[i] + rarest]
            yield i, found[starts[gram] : starts[gram + 1]] - gram * len(outer)


def _outer_with(known: NDArray[np.uint64], outer: Sequence[str]) -> NDArray[np.int64]:
    """Return which outer texts have which known grams, as sorted `gram * len(outer) + text`."""
    found = [np.zeros(0, dtype=np.int64)]
    for first, last in _blocks(outer):
        hashes, owners = _grams(outer[first:last])
        # Sorted queries make good use of the processor's caches.
        order = np.argsort(hashes)
        hashes, owners = hashes[order], owners[order] + first
        index = np.searchsorted(known, hashes)
        hit = index < len(known)
        hit[hit] = known[index[hit]] == hashes[hit]
        pairs = np.sort(index[hit] * len(outer) + owners[hit])
        found.append(pairs[np.diff(pairs, prepend=-1) > 0])
    return np.sort(np.concatenate(found))


def _grams(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of every gram of every text and the index of its text, in order."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    if len(points) < CONTAINED_FROM:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)

    total = len(points) - CONTAINED_FROM + 1
    hashes = np.zeros(total, dtype=np.uint64)
    for i in range(CONTAINED_FROM):
        hashes *= MULTIPLIER
        hashes += points[i : i + total]
    owners = np.repeat(np.arange(len(texts)), lengths)
    # Grams across the border of two texts belong to neither.
    whole = owners[:total] == owners[CONTAINED_FROM - 1 :]
    return hashes[whole], owners[:total][whole]


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts with about `BLOCK` characters each."""
    first = size = 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= BLOCK:
            yield first, i + 1
            first, size = i + 1, 0
    if first < len(texts):
        yield first, len(texts)
