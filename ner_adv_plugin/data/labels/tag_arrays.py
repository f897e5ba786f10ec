"""Spans of many sentences read from, and written as, flat arrays of tag indices.

Shape suffixes: R sentences, N characters of all sentences, S spans, T tags.
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
    """What each of T tags means.

    # Parameters

    scheme : of the tags.
    type_names : names of the span types.
    roles_T : role of each tag.
    types_T : index of its span type in `type_names`, -1 for `O`.
    """

    scheme: TagScheme
    type_names: tuple[str, ...]
    roles_T: Integers
    types_T: Integers

    @classmethod
    def of(cls, scheme: TagScheme, type_names: Sequence[str]) -> "TagTable":
        """The table of the tags that a scheme has for these types, in the order of `TagScheme.labels`."""
        parsed = [scheme.parse(tag) for tag in scheme.labels(type_names)]
        types = [
            -1 if role is Role.OUTSIDE else list(type_names).index(name) for role, name in parsed
        ]
        roles = np.array([role for role, _ in parsed], dtype=np.int64)
        return cls(scheme, tuple(type_names), roles, np.array(types, dtype=np.int64))

    def tag_of(self, role: Role) -> Integers:
        """`(types,)` the tag of this role for each type."""
        tags = np.zeros(len(self.type_names), dtype=np.int64)
        found = np.flatnonzero(self.roles_T == role)
        tags[self.types_T[found]] = found
        return tags


def sentence_offsets(lengths: NDArray[np.integer] | Sequence[int]) -> Integers:
    """`(R + 1,)` flat position at which each of R sentences begins, and the end of the last."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def write_spans(spans: SpanTable, offsets: Integers, table: TagTable) -> NDArray[np.int16]:
    """The tags of sentences with these spans, `(N,)`.

    # Parameters

    spans : none overlaps another; their types are those of the table.
    offsets : `(R + 1,)` from `sentence_offsets`.
    table : the tags.
    """
    tags: NDArray[np.int16] = np.zeros(int(offsets[-1]), dtype=np.int16)
    starts_S = offsets[spans.sentences_S] + spans.starts_S
    ends_S = offsets[spans.sentences_S] + spans.ends_S
    types_S = spans.types_S.astype(np.int64)

    lengths_S = ends_S - starts_S
    within = np.arange(lengths_S.sum()) - np.repeat(np.cumsum(lengths_S) - lengths_S, lengths_S)
    tags[np.repeat(starts_S, lengths_S) + within] = np.repeat(
        table.tag_of(Role.INSIDE)[types_S], lengths_S
    )

    begins_S = np.ones(len(starts_S), dtype=bool)
    if table.scheme.name == "IOB1":
        # B only parts a span from one of its type just before it.
        begins_S[:1] = False
        begins_S[1:] = (starts_S[1:] == ends_S[:-1]) & (types_S[1:] == types_S[:-1])
        begins_S[1:] &= np.diff(spans.sentences_S) == 0
    tags[starts_S[begins_S]] = table.tag_of(Role.BEGIN)[types_S[begins_S]]
    if table.scheme.closes:
        tags[ends_S - 1] = table.tag_of(Role.END)[types_S]
        single_S = lengths_S == 1
        tags[starts_S[single_S]] = table.tag_of(Role.SINGLE)[types_S[single_S]]
    return tags


def lenient_spans(tags: NDArray[np.integer], offsets: Integers, table: TagTable) -> SpanTable:
    """The spans of any tag sequences as conlleval reads them (`TagScheme.spans`, for many sentences).

    # Parameters

    tags : `(N,)` tag indices of all sentences one after another.
    offsets : `(R + 1,)` from `sentence_offsets`; spans never cross sentences.
    table : the tags.
    """
    return _read(tags, offsets, table)[0]


def strict_spans(tags: NDArray[np.integer], offsets: Integers, table: TagTable) -> SpanTable:
    """The spans that are written without a fault, as seqeval reads them in strict mode.

    A span must begin with BEGIN or SINGLE and, in schemes that close spans, end with END or SINGLE. In IOB1
    it must begin with INSIDE, or with BEGIN if a span of its type ends just before it. Parameters as in
    `lenient_spans`.
    """
    spans, touching_S = _read(tags, offsets, table)
    base_S = offsets[spans.sentences_S]
    first_S = table.roles_T[tags[base_S + spans.starts_S]]
    last_S = table.roles_T[tags[base_S + spans.ends_S - 1]]
    if table.scheme.name == "IOB1":
        sound_S = (first_S == Role.INSIDE) | touching_S
    elif table.scheme.closes:
        sound_S = (first_S == Role.SINGLE) | ((first_S == Role.BEGIN) & (last_S == Role.END))
    else:
        sound_S = first_S == Role.BEGIN
    return spans.keep(sound_S)


def _read(
    tags: NDArray[np.integer], offsets: Integers, table: TagTable
) -> tuple[SpanTable, NDArray[np.bool_]]:
    """The lenient spans, and whether a span of the same type ends just before each of them."""
    # Most characters of a NER corpus are O: only the others are looked at.
    positions = np.flatnonzero(table.roles_T[tags] != Role.OUTSIDE)
    roles, types = table.roles_T[tags[positions]], table.types_T[tags[positions]]
    # One place more than characters, for empty sentences at the end.
    sentence_start = np.zeros(len(tags) + 1, dtype=bool)
    sentence_start[offsets] = True

    beside = np.zeros(len(positions), dtype=bool)
    beside[1:] = (np.diff(positions) == 1) & ~sentence_start[positions[1:]]
    same_type = np.zeros(len(positions), dtype=bool)
    same_type[1:] = types[1:] == types[:-1]
    opens = np.isin(roles, (Role.BEGIN, Role.SINGLE))
    opens[1:] |= np.isin(roles[:-1], (Role.END, Role.SINGLE))

    firsts = np.flatnonzero(opens | ~beside | ~same_type)
    lasts = np.append(firsts[1:], len(positions)) - 1 if len(firsts) else firsts
    sentences_S = np.searchsorted(offsets, positions[firsts], side="right") - 1
    spans = SpanTable(
        types=table.type_names,
        starts_S=(positions[firsts] - offsets[sentences_S]).astype(np.int32),
        ends_S=(positions[lasts] + 1 - offsets[sentences_S]).astype(np.int32),
        types_S=types[firsts].astype(np.int16),
        counts_R=np.bincount(sentences_S, minlength=len(offsets) - 1).astype(np.int32),
    )
    return spans, (beside & same_type)[firsts]
