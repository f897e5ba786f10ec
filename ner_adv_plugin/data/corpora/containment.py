"""Containment: which of many texts occur within which others.

For real corpora the time is linear in the total length of the texts.
"""

import re
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
# All but letters and digits, in texts that are parted by line breaks.
_NEITHER = re.compile(r"[^\w\n]+|_+")
# Frequent characters with their compatibility form. NFKC is fast for texts that it leaves alone.
_WIDE = {"，": ",", "：": ":", "；": ";", "！": "!", "？": "?", "（": "(", "）": ")", "　": " "}
# Number of leading bits of a hash that tell most unknown grams apart.
_BITS = np.uint64(24)


def normalise(text: str) -> str:
    """Apply NFKC, convert to lower case, and keep letters and digits only.

    A text without letters and digits is returned unchanged.

    # Examples

    >>> normalise("Ｈｅｌｌｏ，　世界！")
    'hello世界'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(filter(str.isalnum, folded)) or text


def normalise_all(texts: Sequence[str]) -> list[str]:
    """Apply `normalise` to many texts, in a fifth of the time."""
    joined = "\n".join(texts)
    if joined.count("\n") != len(texts) - 1:
        return [normalise(text) for text in texts]

    for wide, narrow in _WIDE.items():
        joined = joined.replace(wide, narrow)
    # A line break combines with no other character, so that lines do not affect each other.
    folded = "\n".join([unicodedata.normalize("NFKC", line) for line in joined.split("\n")])
    letters = _NEITHER.sub("", folded.lower()).split("\n")
    return [own or text for own, text in zip(letters, texts, strict=True)]


def is_searchable(normalised: str) -> bool:
    """Return whether a normalised text is searched for within others.

    It must have at least `CONTAINED_FROM` letters and digits.
    """
    return len(normalised) >= CONTAINED_FROM and normalised[0].isalnum()


def candidates(
    inner: Sequence[str], outer: Sequence[str]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield for each inner text the few outer texts that may contain it; see `GramIndex`."""
    return GramIndex(inner).candidates(outer)


class GramIndex:
    """Finds the texts that may contain some known texts.

    A text that contains another one contains each of its runs of `CONTAINED_FROM` characters
    (grams), so that only the texts with the rarest gram of the known text are candidates. A gram
    that many sentences share, as in a date line or a laugh of a hundred characters, is the rarest
    one only of a text that consists of nothing else. The texts themselves are not compared.

    # Parameters

    inner : the known texts, of at least `CONTAINED_FROM` characters each.
    """

    def __init__(self, inner: Sequence[str]) -> None:
        hashes, owners = _grams(inner)
        self._known, self._own_grams = np.unique(hashes, return_inverse=True)
        self._bounds = np.searchsorted(owners, np.arange(len(inner) + 1))
        self._may_be_known = np.zeros(1 << int(_BITS), dtype=bool)
        self._may_be_known[self._known >> (np.uint64(64) - _BITS)] = True

    def candidates(self, outer: Sequence[str]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield for each known text the few outer texts that may contain it.

        # Parameters

        outer : any texts.

        # Returns

        Pairs of an index into the known texts and ascending indices into `outer`.
        """
        found = self._outer_with(outer)
        grams = np.arange(len(self._known) + 1, dtype=np.int64)
        starts = np.searchsorted(found, grams * len(outer))
        counts_of_own = np.diff(starts)[self._own_grams]

        for i in self._with_all_grams(counts_of_own):
            first, last = self._bounds[i : i + 2]
            rarest = first + int(counts_of_own[first:last].argmin())
            gram = self._own_grams[rarest]
            yield i, found[starts[gram] : starts[gram + 1]] - gram * len(outer)

    def _with_all_grams(self, counts_of_own: NDArray[np.int64]) -> list[int]:
        """Return the known texts of which each gram occurs."""
        missing = np.concatenate([[0], np.cumsum(counts_of_own == 0)])
        missing_of_text = missing[self._bounds[1:]] - missing[self._bounds[:-1]]
        return np.flatnonzero(missing_of_text == 0).tolist()

    def _outer_with(self, outer: Sequence[str]) -> NDArray[np.int64]:
        """Return which outer texts have which grams, as sorted `gram * len(outer) + text`."""
        found = [np.zeros(0, dtype=np.int64)]
        for first, last in _blocks(outer):
            hashes, owners = _grams(outer[first:last])
            possible = self._may_be_known[hashes >> (np.uint64(64) - _BITS)]
            hashes, owners = hashes[possible], owners[possible] + first
            # Sorted queries make good use of the processor's caches.
            order = np.argsort(hashes)
            hashes, owners = hashes[order], owners[order]
            index = np.searchsorted(self._known, hashes)
            hit = index < len(self._known)
            hit[hit] = self._known[index[hit]] == hashes[hit]
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
