"""Texts inside texts: which of many stand in which others, in time linear in their length for any real corpus."""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# A text is looked for inside others from this many letters and digits on.
CONTAINED_FROM = 8
# Characters hashed together, which bounds memory.
BLOCK = 1 << 20
# Odd and without pattern: a gram's hash is a polynomial of it, modulo 2^64.
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def normalise(text: str) -> str:
    """The text after NFKC, lower-cased, only letters and digits kept; as it stands where that leaves nothing."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(filter(str.isalnum, folded)) or text


def may_stand_inside(normalised: str) -> bool:
    """Whether a normalised text is long enough to be looked for inside others; one of marks alone is not."""
    return len(normalised) >= CONTAINED_FROM and normalised[0].isalnum()


def candidates(
    inner: Sequence[str], outer: Sequence[str]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For each inner text the few outer texts that it can stand in.

    Every run of `CONTAINED_FROM` characters (a gram) of a text stands in whatever holds the text: only the outer
    texts with the inner one's rarest gram can. What many sentences share (a date line, a laugh of a hundred characters)
    is a rare text's rarest gram only where the text is nothing else.

    # Parameters

    inner : texts of `CONTAINED_FROM` characters or more.
    outer : any texts.

    # Returns

    Pairs of an index into `inner` and indices into `outer`, ascending; the texts themselves are not compared.
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
    """Which outer texts have which known grams: sorted `gram * len(outer) + text`, each once."""
    found = [np.zeros(0, dtype=np.int64)]
    for first, last in _blocks(outer):
        hashes, owners = _grams(outer[first:last])
        # In order, which is easy on the processor's caches.
        order = np.argsort(hashes)
        hashes, owners = hashes[order], owners[order] + first
        place = np.searchsorted(known, hashes)
        hit = place < len(known)
        hit[hit] = known[place[hit]] == hashes[hit]
        pairs = np.sort(place[hit] * len(outer) + owners[hit])
        found.append(pairs[np.diff(pairs, prepend=-1) > 0])
    return np.sort(np.concatenate(found))


def _grams(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hash of every gram of every text, and the index of its text, in order."""
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
    # Grams across the border of two texts belong to none.
    whole = owners[:total] == owners[CONTAINED_FROM - 1 :]
    return hashes[whole], owners[:total][whole]


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of texts of about `BLOCK` characters."""
    first = size = 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= BLOCK:
            yield first, i + 1
            first, size = i + 1, 0
    if first < len(texts):
        yield first, len(texts)
