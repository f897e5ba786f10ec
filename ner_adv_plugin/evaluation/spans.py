"""Spans of many rows at once, read from flat arrays of tag indices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ner_adv_plugin.data.labels.tag_schemes import Role, TagScheme


@dataclass(frozen=True)
class LabelTable:
    """What every label of a label space means, as arrays over the T labels.

    # Parameters

    roles : `(T,)` role of each label.
    types : `(T,)` index of its span type in `type_names`; -1 for `O`.
    type_names : the span types, sorted.
    scheme : the scheme of the labels.
    """

    roles: np.ndarray
    types: np.ndarray
    type_names: list[str]
    scheme: TagScheme


class Spans(NamedTuple):
    """Spans over flat positions, in order: `start`, `end` (exclusive) and `type`, each `(S,)`."""

    start: np.ndarray
    end: np.ndarray
    type: np.ndarray

    def found_in(self, others: "Spans") -> np.ndarray:
        """`(S,)` whether each span is one of `others`, which begin at different positions each."""
        _, here, there = np.intersect1d(self.start, others.start, assume_unique=True, return_indices=True)
        found = np.zeros(len(self.start), dtype=bool)
        found[here] = (self.end[here] == others.end[there]) & (self.type[here] == others.type[there])
        return found


def label_table(labels: Sequence[str], scheme: TagScheme) -> LabelTable:
    """The table of a label space; raises `ValueError` for a label that the scheme does not know."""
    parsed = [scheme.parse(label) for label in labels]
    type_names = sorted({name for role, name in parsed if role is not Role.OUTSIDE})
    types = [type_names.index(name) if role is not Role.OUTSIDE else -1 for role, name in parsed]
    roles = np.array([role for role, _ in parsed], dtype=np.int64)
    return LabelTable(roles, np.array(types, dtype=np.int64), type_names, scheme)


def row_offsets(lengths: np.ndarray | Sequence[int]) -> np.ndarray:
    """`(R + 1,)` flat position at which each of R rows begins, and the end of the last."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def lenient_spans(tags: np.ndarray, offsets: np.ndarray, table: LabelTable) -> Spans:
    """The spans of any tag sequence as conlleval reads them (`TagScheme.spans`, for many rows).

    # Parameters

    tags : `(N,)` label indices of all rows one after another.
    offsets : `(R + 1,)` from `row_offsets`; spans never cross rows.
    """
    return _read(tags, offsets, table)[0]


def strict_spans(tags: np.ndarray, offsets: np.ndarray, table: LabelTable) -> Spans:
    """The spans that are written without a fault, as seqeval reads them in strict mode.

    A span must begin with BEGIN or SINGLE and, in schemes that close spans, end with END or SINGLE. In IOB1
    it must begin with INSIDE, or with BEGIN where a span of its type ends just before it. Parameters as in
    `lenient_spans`.
    """
    spans, touching = _read(tags, offsets, table)
    first, last = table.roles[tags[spans.start]], table.roles[tags[spans.end - 1]]
    if table.scheme.name == "IOB1":
        sound = (first == Role.INSIDE) | touching
    elif table.scheme.closes:
        sound = (first == Role.SINGLE) | ((first == Role.BEGIN) & (last == Role.END))
    else:
        sound = first == Role.BEGIN
    return Spans(*(column[sound] for column in spans))


def _read(tags: np.ndarray, offsets: np.ndarray, table: LabelTable) -> tuple[Spans, np.ndarray]:
    """The lenient spans, and whether a span of the same type ends just before each of them."""
    # Most characters of a NER corpus are O: only the others are looked at.
    positions = np.flatnonzero(table.roles[tags] != Role.OUTSIDE)
    roles, types = table.roles[tags[positions]], table.types[tags[positions]]
    # Row starts, one place more for rows that are empty and last.
    row_start = np.zeros(len(tags) + 1, dtype=bool)
    row_start[offsets] = True

    beside = np.zeros(len(positions), dtype=bool)
    beside[1:] = (np.diff(positions) == 1) & ~row_start[positions[1:]]
    same_type = np.zeros(len(positions), dtype=bool)
    same_type[1:] = types[1:] == types[:-1]
    opens = np.isin(roles, (Role.BEGIN, Role.SINGLE))
    opens[1:] |= np.isin(roles[:-1], (Role.END, Role.SINGLE))

    begins = opens | ~beside | ~same_type
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(positions)) - 1 if len(starts) else starts
    spans = Spans(positions[starts], positions[ends] + 1, types[starts])
    return spans, (beside & same_type)[starts]
