"""Decoding the tags of many sentences at once.

Shape suffixes: R sentences, T known tags, P adjacent pairs of tags, edges of sentences included.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import TagScheme

# The code of the edges of sentences, which behave like a tag outside of spans.
_EDGE = "\0"
# Bits of the table of pairs: the right tag may not follow the left one, a span starts at the right
# one, a span ends with the left one.
_ILLEGAL, _STARTS, _ENDS = 1, 2, 4


@dataclass(frozen=True)
class DecodedTags:
    """The spans of R tag sequences.

    # Parameters

    spans : the spans of each sequence, as conlleval finds them.
    legal_R : whether the scheme allows each sequence.
    """

    spans: list[list[Span]]
    legal_R: list[bool]


class TagDecoder:
    """Decodes tag sequences that are written as strings, with one character for each tag.

    It finds what `TagScheme.spans` and `TagScheme.illegal` find, in one pass over many sequences.

    # Parameters

    scheme : the tag scheme.

    # Attributes

    tags : the tags with a code, by code.

    # Examples

    >>> from ner_adv_plugin.data.labels.tag_schemes import get_scheme
    >>> decoder = TagDecoder(get_scheme("BIO"))
    >>> begin, inside, outside = map(decoder.code, ["B-PER", "I-PER", "O"])
    >>> decoder.decode([begin + inside + outside, outside + inside])
    DecodedTags(spans=[[Span(start=0, end=2, type='PER')], [Span(start=1, end=2, type='PER')]], \
legal_R=[True, False])
    """

    # With more tags, the table of pairs would take long to build.
    most_tags = 200

    def __init__(self, scheme: TagScheme) -> None:
        self.scheme = scheme
        self.tags: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._table_TT: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._types: list[str] = []

    def __contains__(self, tag: str) -> bool:
        """Return whether a tag has a code."""
        return tag in self._codes

    def code(self, tag: str) -> str:
        """Return the character that represents a tag of the scheme."""
        code = self._codes.get(tag)
        if code is None:
            code = self._codes[tag] = chr(len(self._codes) + 1)
            self.tags[code] = tag
        return code

    def decode(self, sequences: Sequence[str]) -> DecodedTags:
        """Decode tag sequences.

        # Parameters

        sequences : the codes of the tags of each sequence.
        """
        if len(self._table_TT) <= len(self.tags):
            self._build()

        joined = _EDGE + _EDGE.join(sequences) + _EDGE
        codes = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4").astype(np.intp)
        pairs_P = self._table_TT.ravel()[codes[:-1] * len(self._table_TT) + codes[1:]]
        # Each sequence has one pair more than tags, and so has the edge before it.
        firsts_R = np.cumsum([0, *(len(sequence) + 1 for sequence in sequences)])[:-1]

        starts = np.flatnonzero(pairs_P & _STARTS)
        ends = np.flatnonzero(pairs_P & _ENDS)
        first_spans = np.searchsorted(starts, [*firsts_R, len(pairs_P)])
        owners = np.repeat(np.arange(len(sequences)), np.diff(first_spans))
        types = map(self._types.__getitem__, codes[starts + 1].tolist())
        base = firsts_R[owners]
        found = list(map(Span, (starts - base).tolist(), (ends - base).tolist(), types))

        bounds = first_spans.tolist()
        spans = [found[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]
        illegal = np.add.reduceat(pairs_P & _ILLEGAL, firsts_R, dtype=np.int64)
        return DecodedTags(spans, (illegal == 0).tolist())

    def _build(self) -> None:
        """Build the table of pairs for all known tags."""
        names = list(self._codes)
        legal_starts, legal_pairs, legal_ends = self.scheme.transitions(names)
        boundaries_TT = self.scheme.boundaries(names)
        inside_T = np.array([self.scheme.parse(name)[0] for name in names], dtype=bool)

        size = len(names) + 1
        table_TT = np.zeros((size, size), np.uint8)
        table_TT[1:, 1:] = (
            ~legal_pairs * _ILLEGAL
            + (boundaries_TT & inside_T) * _STARTS
            + (boundaries_TT & inside_T[:, None]) * _ENDS
        )
        table_TT[0, 1:] = ~legal_starts * _ILLEGAL + inside_T * _STARTS
        table_TT[1:, 0] = ~legal_ends * _ILLEGAL + inside_T * _ENDS
        self._table_TT = table_TT
        self._types = ["", *(self.scheme.parse(name)[1] for name in names)]
