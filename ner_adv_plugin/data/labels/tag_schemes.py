"""Tag schemes: encode the spans of a sentence as one tag per character, and decode them.

Shape suffixes: T labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.labels.spans import Span

OUTSIDE_TAG = "O"


class Role(IntEnum):
    """Position of a character in a span, as indicated by its tag."""

    OUTSIDE = 0
    BEGIN = 1
    INSIDE = 2
    END = 3
    SINGLE = 4


@dataclass(frozen=True)
class TagScheme:
    """A way of encoding spans as tags; `get_scheme` returns the known ones.

    # Parameters

    name : name of the scheme, such as `BIO`.
    letters : role of every prefix letter.
    segmentation : whether labels are bare letters without `O`, as every character belongs to a
        word.

    # Examples

    >>> scheme = get_scheme("BIO")
    >>> scheme.tags([Span(0, 2, "PER")], length=3)
    ['B-PER', 'I-PER', 'O']
    >>> scheme.spans(["B-PER", "I-PER", "O"])
    [Span(start=0, end=2, type='PER')]
    >>> scheme.repair(["O", "I-PER", "I-PER"])
    (['O', 'B-PER', 'I-PER'], 1)
    """

    name: str
    letters: Mapping[str, Role] = field(compare=False, repr=False)
    segmentation: bool = False

    @property
    def closes(self) -> bool:
        """Whether the scheme marks the last character of a span (END, SINGLE)."""
        return Role.END in self.letters.values()

    @property
    def known_tags(self) -> str:
        """The scheme's tags for error messages, such as `O, B-TYPE or I-TYPE`."""
        *tags, last = self.labels(["TYPE"])
        return f"{', '.join(tags)} or {last}"

    def labels(self, types: Iterable[str] = ()) -> list[str]:
        """Return the labels for span types: `O`, then all prefixes of each type, sorted by type."""
        if self.segmentation:
            return list(self.letters)
        return [OUTSIDE_TAG] + [
            f"{letter}-{name}" for name in sorted(set(types)) for letter in self.letters
        ]

    def parse(self, tag: str) -> tuple[Role, str]:
        """Return role and span type of a tag: BEGIN and `PER.NAM` for `B-PER.NAM`.

        # Raises

        ValueError : if the scheme has no such tag.
        """
        return _parse(self, tag)

    def spans(self, tags: Sequence[str]) -> list[Span]:
        """Decode a tag sequence, legal or not, as conlleval does.

        A span begins at a BEGIN or SINGLE tag, after `O`, after an END or SINGLE tag, at a change
        of type and at the start of the sentence. Source: conlleval.pl of Tjong Kim Sang & Buchholz
        2000.
        """
        parsed = {tag: _parse(self, tag) for tag in set(tags)}
        if all(role is Role.OUTSIDE for role, _ in parsed.values()):
            return []

        pairs = list(pairwise(tags))
        boundaries = {
            (left, right) for left, right in set(pairs) if _is_boundary(parsed[left], parsed[right])
        }
        inner = (position for position, pair in enumerate(pairs, 1) if pair in boundaries)
        edges = [0, *inner, len(tags)]
        return [
            Span(start, end, parsed[tags[start]][1])
            for start, end in pairwise(edges)
            if start < end and parsed[tags[start]][0]
        ]

    def tags(self, spans: Iterable[Span], length: int) -> list[str]:
        """Encode the spans of a sentence as tags.

        # Parameters

        spans : spans that do not overlap, in any order.
        length : number of characters of the sentence.

        # Raises

        ValueError : if spans are empty, overlap or exceed the sentence, or if words leave a gap.
        """
        tags: list[str] = []
        previous_type: str | None = None

        for span in sorted(spans, key=lambda span: span.start):
            if not len(tags) <= span.start < span.end <= length:
                raise ValueError(
                    f"{span} is empty, overlaps another span or exceeds the sentence of {length} "
                    "characters"
                )

            if span.start > len(tags):
                tags += self._outside(span.start - len(tags))
                previous_type = None
            adjacent = span.type == previous_type
            tags += self._inside(span.end - span.start, span.type, adjacent)
            previous_type = span.type

        return tags + self._outside(length - len(tags))

    def carried(self, tag: str, length: int) -> list[str]:
        """Return the tags of the characters of a unit that has one tag, such as an English word.

        # Parameters

        tag : the tag of the unit.
        length : its number of characters, at least 1.

        # Examples

        >>> get_scheme("BIOES").carried("S-LOC", 3)
        ['B-LOC', 'I-LOC', 'E-LOC']
        """
        role, span_type = self.parse(tag)
        if length == 1 or role in (Role.OUTSIDE, Role.INSIDE):
            return [tag] * length

        begins = role in (Role.BEGIN, Role.SINGLE)
        ends = role in (Role.END, Role.SINGLE)
        inside = _write(self, Role.INSIDE, span_type)
        first = [_write(self, Role.BEGIN, span_type)] if begins else []
        last = [_write(self, Role.END, span_type)] if ends else []
        return [*first, *[inside] * (length - begins - ends), *last]

    def repair(self, tags: Sequence[str]) -> tuple[list[str], int]:
        """Make a tag sequence legal without changing the spans that conlleval finds in it.

        # Returns

        The legal tags, and how many of them differ from `tags`.
        """
        # Most sentences of many corpora have no entity.
        if tags and set(tags) == {OUTSIDE_TAG} and not self.segmentation:
            return list(tags), 0
        if not self._forbidden(tags):
            return list(tags), 0
        repaired = self.tags(self.spans(tags), len(tags))
        return repaired, sum(old != new for old, new in zip(tags, repaired, strict=True))

    def illegal(self, tags: Sequence[str]) -> list[int]:
        """Return the positions of tags that may not follow the previous tag.

        `len(tags)` is one of them if the last tag may not end a sentence.
        """
        forbidden = self._forbidden(tags)
        pairs = enumerate(zip([None, *tags], [*tags, None], strict=True))
        return [position for position, pair in pairs if pair in forbidden]

    def _forbidden(self, tags: Sequence[str]) -> set[tuple[str | None, str | None]]:
        """Return the illegal pairs of adjacent tags; None marks the edges of the sentence."""
        pairs = set(zip([None, *tags], [*tags, None], strict=True))
        return {pair for pair in pairs if not _legal(self, *pair)}

    def transitions(self, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the transitions between labels that the scheme allows.

        # Returns

        Three Boolean arrays: `(T,)` labels that may start a sentence, `(T, T)` pairs of labels
        [from, to] that may follow each other, and `(T,)` labels that may end a sentence.
        """
        starts_T = np.array([_legal(self, None, label) for label in labels], dtype=bool)
        pairs_TT = np.array(
            [[_legal(self, left, right) for right in labels] for left in labels], dtype=bool
        )
        ends_T = np.array([_legal(self, label, None) for label in labels], dtype=bool)
        return starts_T, pairs_TT.reshape(len(labels), len(labels)), ends_T

    def boundaries(self, labels: Sequence[str]) -> np.ndarray:
        """Return between which labels a span starts or ends: Boolean, `(T, T)`, [left, right]."""
        parsed = [self.parse(label) for label in labels]
        found = [_is_boundary(left, right) for left in parsed for right in parsed]
        return np.array(found, dtype=bool).reshape(len(labels), len(labels))

    def _outside(self, length: int) -> list[str]:
        if length and self.segmentation:
            raise ValueError(f"{length} characters belong to no word")
        return [OUTSIDE_TAG] * length

    def _inside(self, length: int, span_type: str, adjacent: bool) -> list[str]:
        """Return the tags of one span.

        # Parameters

        length : number of characters.
        span_type : its type.
        adjacent : whether a span of the same type ends directly before it.
        """
        roles = [Role.INSIDE] * length
        if self.name != "IOB1" or adjacent:
            roles[0] = Role.BEGIN
        if self.closes:
            roles[-1] = Role.END if length > 1 else Role.SINGLE
        return [_write(self, role, span_type) for role in roles]


_BEGIN_INSIDE = {"B": Role.BEGIN, "I": Role.INSIDE}
_SCHEMES: dict[str, Mapping[str, Role]] = {
    "BIO": _BEGIN_INSIDE,
    "BIOES": {**_BEGIN_INSIDE, "E": Role.END, "S": Role.SINGLE},
    "BMES": {"B": Role.BEGIN, "M": Role.INSIDE, "E": Role.END, "S": Role.SINGLE},
    # IOB1 begins a span with I; B only separates it from an adjacent span of its type before it.
    "IOB1": _BEGIN_INSIDE,
    "BILOU": {**_BEGIN_INSIDE, "L": Role.END, "U": Role.SINGLE},
}


def get_scheme(name: str, segmentation: bool = False, path: str = "") -> TagScheme:
    """Return a tag scheme by name.

    # Parameters

    name : "BIO", "BIOES", "BMES", "IOB1" or "BILOU".
    segmentation : whether the spans are words, which have no types; not available for IOB1.
    path : config path of the name, for error messages.

    # Raises

    ConfigurationError : if there is no such scheme.

    # Examples

    >>> get_scheme("BMES", segmentation=True).labels()
    ['B', 'M', 'E', 'S']
    >>> get_scheme("BIOES").labels(["LOC"])
    ['O', 'B-LOC', 'I-LOC', 'E-LOC', 'S-LOC']
    """
    known = [known for known in _SCHEMES if not (segmentation and known == "IOB1")]
    if name not in known:
        task = " for word segmentation" if segmentation else ""
        message = f'no tag scheme "{name}"{task}: expected one of {", ".join(known)}.'
        raise ConfigurationError(message + nearest(name, known), path)
    return TagScheme(name, _SCHEMES[name], segmentation)


@lru_cache(maxsize=4096)
def _parse(scheme: TagScheme, tag: str) -> tuple[Role, str]:
    if scheme.segmentation:
        if tag in scheme.letters:
            return scheme.letters[tag], ""
    elif tag == OUTSIDE_TAG:
        return Role.OUTSIDE, ""
    else:
        letter, _, span_type = tag.partition("-")
        if letter in scheme.letters and span_type:
            return scheme.letters[letter], span_type
    raise ValueError(f"{tag!r} is not a {scheme.name} tag: expected {scheme.known_tags}")


@lru_cache(maxsize=4096)
def _write(scheme: TagScheme, role: Role, span_type: str) -> str:
    letter = next(letter for letter, meaning in scheme.letters.items() if meaning is role)
    return letter if scheme.segmentation else f"{letter}-{span_type}"


def _is_boundary(left: tuple[Role, str], right: tuple[Role, str]) -> bool:
    """Whether a span starts or ends between two adjacent tags, according to conlleval."""
    if right[0] is Role.OUTSIDE or left[0] is Role.OUTSIDE:
        return left[0] is not right[0]
    return (
        right[0] in (Role.BEGIN, Role.SINGLE)
        or left[0] in (Role.END, Role.SINGLE)
        or left[1] != right[1]
    )


@lru_cache(maxsize=65536)
def _legal(scheme: TagScheme, left_tag: str | None, right_tag: str | None) -> bool:
    """Whether `right_tag` may follow `left_tag`; None marks the edges of a sentence."""
    outside = (Role.OUTSIDE, "")
    left = outside if left_tag is None else _parse(scheme, left_tag)
    right = outside if right_tag is None else _parse(scheme, right_tag)
    same_type = left[1] == right[1]

    if scheme.name == "IOB1":
        return right[0] is not Role.BEGIN or (left[0] is not Role.OUTSIDE and same_type)
    continues = right[0] in (Role.INSIDE, Role.END)
    if left[0] in (Role.BEGIN, Role.INSIDE):
        return same_type if continues else not scheme.closes
    return not continues
