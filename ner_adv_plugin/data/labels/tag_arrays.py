"""Conversion between the spans of many sentences and flat arrays of tag indices.

Shape suffixes: R sentences, N characters of all sentences, S spans, T tags, P positions with a tag
other than `O`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.labels.tag_schemes import Role, TagScheme

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class TagTable:
    """Role and span type of each tag of a scheme.

    # Parameters

    scheme : the tag scheme.
    type_names : names of the span types.
    roles_T : role of each tag.
    types_T : index of each tag's span type in `type_names`, -1 for `O`.
    """

    scheme: TagScheme
    type_names: tuple[str, ...]
    roles_T: Integers
    types_T: Integers

    @classmethod
    def of(cls, scheme: TagScheme, type_names: Sequence[str]) -> "TagTable":
        """Build the table of a scheme's tags for the given types, ordered as `TagScheme.labels`."""
        parsed = [scheme.parse(tag) for tag in scheme.labels(type_names)]
        roles = np.array([role for role, _ in parsed], dtype=np.int64)
        types = [
            -1 if role is Role.OUTSIDE else list(type_names).index(name) for role, name in parsed
        ]
        return cls(scheme, tuple(type_names), roles, np.array(types, dtype=np.int64))

    def tag_of(self, role: Role) -> Integers:
        """Return the `(len(type_names),)` tags that have this role, one per type."""
        tags = np.zeros(len(self.type_names), dtype=np.int64)
        found = np.flatnonzero(self.roles_T == role)
        tags[self.types_T[found]] = found
        return tags


def sentence_offsets(lengths: NDArray[np.integer] | Sequence[int]) -> Integers:
    """Return the `(R + 1,)` flat positions of the sentences' first characters, and the total.

    # Parameters

    lengths : `(R,)` number of characters of each sentence.
    """
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def write_spans(spans: SpanTable, offsets: Integers, table: TagTable) -> NDArray[np.int16]:
    """Encode the spans of many sentences as tags.

    # Parameters

    spans : spans that do not overlap; their types are those of the table.
    offsets : `(R + 1,)` from `sentence_offsets`.
    table : the tags.

    # Returns

    `(N,)` tag indices of all sentences, concatenated.
    """
    starts_S = offsets[spans.sentences_S] + spans.starts_S
    ends_S = offsets[spans.sentences_S] + spans.ends_S
    types_S = spans.types_S.astype(np.int64)

    lengths_S = ends_S - starts_S
    inside_S = table.tag_of(Role.INSIDE)[types_S].astype(np.int16)
    # The sum of all changes before a character is its tag: a span's, from its start to its end.
    changes: NDArray[np.int16] = np.zeros(int(offsets[-1]) + 1, dtype=np.int16)
    changes[starts_S] += inside_S
    changes[ends_S] -= inside_S
    tags = np.cumsum(changes[:-1], dtype=np.int16)

    has_begin_S = np.ones(len(starts_S), dtype=bool)
    if table.scheme.name == "IOB1":
        # B only separates a span from an adjacent one of the same type before it.
        has_begin_S[:1] = False
        has_begin_S[1:] = (starts_S[1:] == ends_S[:-1]) & (types_S[1:] == types_S[:-1])
        has_begin_S[1:] &= np.diff(spans.sentences_S) == 0
    tags[starts_S[has_begin_S]] = table.tag_of(Role.BEGIN)[types_S[has_begin_S]]

    if table.scheme.closes:
        tags[ends_S - 1] = table.tag_of(Role.END)[types_S]
        single_S = lengths_S == 1
        tags[starts_S[single_S]] = table.tag_of(Role.SINGLE)[types_S[single_S]]
    return tags


def lenient_spans(tags: NDArray[np.integer], offsets: Integers, table: TagTable) -> SpanTable:
    """Decode tag sequences, legal or not, as conlleval does; see `TagScheme.spans`.

    # Parameters

    tags : `(N,)` tag indices of all sentences, concatenated.
    offsets : `(R + 1,)` from `sentence_offsets`; spans never cross sentence boundaries.
    table : the tags.
    """
    return _read(tags, offsets, table)[0]


def strict_spans(tags: NDArray[np.integer], offsets: Integers, table: TagTable) -> SpanTable:
    """Decode only well-formed spans, as seqeval does in strict mode.

    A span must begin with BEGIN or SINGLE and, in schemes that close spans, end with END or SINGLE.
    In IOB1 it must begin with INSIDE, or with BEGIN if a span of the same type ends directly before
    it.

    # Parameters

    tags : see `lenient_spans`.
    offsets : see `lenient_spans`.
    table : see `lenient_spans`.
    """
    spans, adjacent_S = _read(tags, offsets, table)
    base_S = offsets[spans.sentences_S]
    first_S = table.roles_T[tags[base_S + spans.starts_S]]
    last_S = table.roles_T[tags[base_S + spans.ends_S - 1]]

    if table.scheme.name == "IOB1":
        well_formed_S = (first_S == Role.INSIDE) | adjacent_S
    elif table.scheme.closes:
        well_formed_S = (first_S == Role.SINGLE) | ((first_S == Role.BEGIN) & (last_S == Role.END))
    else:
        well_formed_S = first_S == Role.BEGIN
    return spans.keep(well_formed_S)


def _read(
    tags: NDArray[np.integer], offsets: Integers, table: TagTable
) -> tuple[SpanTable, NDArray[np.bool_]]:
    """Decode tags leniently.

    # Returns

    The spans, and an `(S,)` mask of those with a span of the same type directly before them.
    """
    # Most characters of an NER corpus are O, so only the other positions are processed.
    positions_P = np.flatnonzero(table.roles_T[tags] != Role.OUTSIDE)
    roles_P = table.roles_T[tags[positions_P]]
    types_P = table.types_T[tags[positions_P]]

    # The mask has one element more than there are characters, for empty sentences at the end.
    is_sentence_start = np.zeros(len(tags) + 1, dtype=bool)
    is_sentence_start[offsets] = True
    adjacent_P = np.zeros(len(positions_P), dtype=bool)
    adjacent_P[1:] = (np.diff(positions_P) == 1) & ~is_sentence_start[positions_P[1:]]
    same_type_P = np.zeros(len(positions_P), dtype=bool)
    same_type_P[1:] = types_P[1:] == types_P[:-1]
    opens_P = np.isin(roles_P, (Role.BEGIN, Role.SINGLE))
    opens_P[1:] |= np.isin(roles_P[:-1], (Role.END, Role.SINGLE))

    first_S = np.flatnonzero(opens_P | ~adjacent_P | ~same_type_P)
    last_S = np.append(first_S[1:], len(positions_P)) - 1 if len(first_S) else first_S
    sentences_S = np.searchsorted(offsets, positions_P[first_S], side="right") - 1
    spans = SpanTable(
        types=table.type_names,
        starts_S=(positions_P[first_S] - offsets[sentences_S]).astype(np.int32),
        ends_S=(positions_P[last_S] + 1 - offsets[sentences_S]).astype(np.int32),
        types_S=types_P[first_S].astype(np.int16),
        counts_R=np.bincount(sentences_S, minlength=len(offsets) - 1).astype(np.int32),
    )
    return spans, (adjacent_P & same_type_P)[first_S]
