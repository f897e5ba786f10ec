"""Tag schemes: how spans over the characters of a sentence are written as one tag a character, and read back."""

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
    """What a tag says about its character's place in a span."""

    OUTSIDE = 0
    BEGIN = 1
    INSIDE = 2
    END = 3
    SINGLE = 4


@dataclass(frozen=True)
class TagScheme:
    """One way of writing spans as tags.

    # Parameters

    name : its name, such as `BIO`.
    letters : role of every prefix letter.
    segmentation : labels are bare letters and there is no `O`: every character belongs to a word.
    """

    name: str
    letters: Mapping[str, Role] = field(compare=False, repr=False)
    segmentation: bool = False

    @property
    def closes(self) -> bool:
        """Whether the last character of a span has letters of its own (END, SINGLE)."""
        return Role.END in self.letters.values()

    @property
    def known_tags(self) -> str:
        """The tags it knows, in words, for messages: `O, B-TYPE or I-TYPE`."""
        *tags, last = self.labels(["TYPE"])
        return f"{', '.join(tags)} or {last}"

    def labels(self, types: Iterable[str] = ()) -> list[str]:
        """The label space over these span types: `O` first, then by sorted type every prefix."""
        if self.segmentation:
            return list(self.letters)
        return [OUTSIDE_TAG] + [
            f"{letter}-{name}" for name in sorted(set(types)) for letter in self.letters
        ]

    def parse(self, tag: str) -> tuple[Role, str]:
        """Role and span type of a tag (`B-PER.NAM` gives BEGIN, `PER.NAM`); `ValueError` where it is none."""
        return _parse(self, tag)

    def spans(self, tags: Sequence[str]) -> list[Span]:
        """The spans of any tag sequence, legal or not, as conlleval reads it.

        A span begins at a BEGIN or SINGLE tag, after `O`, after an END or SINGLE tag, where the type changes
        and at the start of the sentence (Tjong Kim Sang and Buchholz 2000, the script conlleval.pl).
        """
        parsed = {tag: _parse(self, tag) for tag in set(tags)}
        if all(role is Role.OUTSIDE for role, _ in parsed.values()):
            return []
        pairs = list(pairwise(tags))
        cuts = {pair for pair in set(pairs) if _cuts(parsed[pair[0]], parsed[pair[1]])}
        edges = [
            0,
            *(position for position, pair in enumerate(pairs, 1) if pair in cuts),
            len(tags),
        ]
        return [
            Span(start, end, parsed[tags[start]][1])
            for start, end in pairwise(edges)
            if start < end and parsed[tags[start]][0]
        ]

    def tags(self, spans: Iterable[Span], length: int) -> list[str]:
        """The tags of a sentence of `length` characters with these spans.

        Raises `ValueError` where spans overlap or leave the sentence, or where segmentation leaves a gap.
        """
        tags: list[str] = []
        previous_type: str | None = None
        for span in sorted(spans, key=lambda span: span.start):
            if not len(tags) <= span.start < span.end <= length:
                raise ValueError(
                    f"{span} is empty, overlaps another or leaves a sentence of {length} characters"
                )
            if span.start > len(tags):
                tags += self._outside(span.start - len(tags))
                previous_type = None
            tags += self._inside(
                span.end - span.start, span.type, touching=span.type == previous_type
            )
            previous_type = span.type
        return tags + self._outside(length - len(tags))

    def repair(self, tags: Sequence[str]) -> tuple[list[str], int]:
        """Legal tags with conlleval's reading of `tags`, and how many tags that changed."""
        if not self._forbidden(tags):
            return list(tags), 0
        repaired = self.tags(self.spans(tags), len(tags))
        return repaired, sum(old != new for old, new in zip(tags, repaired, strict=True))

    def illegal(self, tags: Sequence[str]) -> list[int]:
        """Positions whose tag cannot follow the one before; `len(tags)` where the sentence cannot end so."""
        forbidden = self._forbidden(tags)
        pairs = enumerate(zip([None, *tags], [*tags, None], strict=True))
        return [position for position, pair in pairs if pair in forbidden]

    def _forbidden(self, tags: Sequence[str]) -> set[tuple[str | None, str | None]]:
        """The pairs of neighbours that are not legal, sentence edges as None."""
        pairs = set(zip([None, *tags], [*tags, None], strict=True))
        return {pair for pair in pairs if not _legal(self, *pair)}

    def transitions(self, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which labels may start a sentence `(T,)`, follow each other `(T, T)` [from, to], and end it `(T,)`."""
        starts = np.array([_legal(self, None, label) for label in labels], dtype=bool)
        pairs = np.array(
            [[_legal(self, left, right) for right in labels] for left in labels], dtype=bool
        )
        ends = np.array([_legal(self, label, None) for label in labels], dtype=bool)
        return starts, pairs.reshape(len(labels), len(labels)), ends

    def _outside(self, length: int) -> list[str]:
        if length and self.segmentation:
            raise ValueError(f"{length} characters belong to no word")
        return [OUTSIDE_TAG] * length

    def _inside(self, length: int, span_type: str, touching: bool) -> list[str]:
        """The tags of one span; `touching` where a span of its type ends just before it."""
        roles = [Role.INSIDE] * length
        if self.name != "IOB1" or touching:
            roles[0] = Role.BEGIN
        if self.closes:
            roles[-1] = Role.END if length > 1 else Role.SINGLE
        return [_write(self, role, span_type) for role in roles]


_BEGIN_INSIDE = {"B": Role.BEGIN, "I": Role.INSIDE}
_SCHEMES: dict[str, Mapping[str, Role]] = {
    "BIO": _BEGIN_INSIDE,
    "BIOES": {**_BEGIN_INSIDE, "E": Role.END, "S": Role.SINGLE},
    "BMES": {"B": Role.BEGIN, "M": Role.INSIDE, "E": Role.END, "S": Role.SINGLE},
    # IOB1 begins a span with I, and with B only where it touches the span of the same type before it.
    "IOB1": _BEGIN_INSIDE,
    "BILOU": {**_BEGIN_INSIDE, "L": Role.END, "U": Role.SINGLE},
}


def get_scheme(name: str, segmentation: bool = False, path: str = "") -> TagScheme:
    """A scheme by name: BIO, BIOES, BMES, IOB1 or BILOU, over span types or, for segmentation, over words.

    Raises `ConfigurationError` at `path` for any other name, and for segmentation in IOB1.
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


def _cuts(left: tuple[Role, str], right: tuple[Role, str]) -> bool:
    """Whether a span begins at `right`, or ends before it, read as conlleval does."""
    if right[0] is Role.OUTSIDE or left[0] is Role.OUTSIDE:
        return left[0] is not right[0]
    return (
        right[0] in (Role.BEGIN, Role.SINGLE)
        or left[0] in (Role.END, Role.SINGLE)
        or left[1] != right[1]
    )


@lru_cache(maxsize=65536)
def _legal(scheme: TagScheme, left_tag: str | None, right_tag: str | None) -> bool:
    """Whether `right_tag` may follow `left_tag`; None stands before the start and after the end of a sentence."""
    outside = (Role.OUTSIDE, "")
    left = outside if left_tag is None else _parse(scheme, left_tag)
    right = outside if right_tag is None else _parse(scheme, right_tag)
    same_type = left[1] == right[1]
    if scheme.name == "IOB1":
        return right[0] is not Role.BEGIN or (left[0] is not Role.OUTSIDE and same_type)
    goes_on = right[0] in (Role.INSIDE, Role.END)
    if left[0] in (Role.BEGIN, Role.INSIDE):
        return same_type if goes_on else not scheme.closes
    return not goes_on
