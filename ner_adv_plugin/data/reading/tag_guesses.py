"""What the tags of a file probably mean: other spellings, and other tag schemes."""

import re
from collections.abc import Iterable, Sequence

from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG, TagScheme, get_scheme

# In order of preference if several schemes fit.
_SCHEMES = ("BIO", "IOB1", "BIOES", "BMES", "BILOU")
_LETTERS = frozenset("BIOMESLU")
_OUTSIDE = frozenset(["0", "o", "\uff2f", "\uff10", "\u25cb", "\u3007"])
# Hyphens, dashes, underscores and other characters between prefix and type.
_JOINT = re.compile("[-_\u2010-\u2015\u2212\uff0d\uff3f:.|]")
# At most this share of the tags of spans may be illegal in a scheme that fits.
_ILLEGAL_SHARE = 0.05


def respelled(tag: str) -> str | None:
    """Return a tag as tag schemes spell it, such as `B-PER` for `B_PER`, `PER-B` and `b-per`.

    The type of a prefix in lower case is taken as upper case if it is in lower case, too.

    # Returns

    The tag; None if it is not an unusual spelling of one.

    # Examples

    >>> [respelled(tag) for tag in ("B_PER", "PER-B", "b-per", "0", "PER")]
    ['B-PER', 'B-PER', 'B-PER', 'O', None]
    """
    if tag in _OUTSIDE:
        return OUTSIDE_TAG

    joints = list(_JOINT.finditer(tag))
    if not joints:
        return None
    first, last = joints[0], joints[-1]
    # The prefix stands before the first joint, or else after the last one.
    for prefix, name in (
        (tag[: first.start()], tag[first.end() :]),
        (tag[last.end() :], tag[: last.start()]),
    ):
        letter = prefix.upper()
        if len(prefix) == 1 and letter in _LETTERS - {OUTSIDE_TAG} and name:
            meant = name.upper() if prefix.islower() and name.islower() else name
            return f"{letter}-{meant}"
    return None


def likely_scheme(sentences: Iterable[Sequence[str]], segmentation: bool) -> str | None:
    """Return the name of the tag scheme that fits sentences best.

    # Parameters

    sentences : the tags of each sentence.
    segmentation : whether the tags are bare letters.

    # Returns

    The name; None if no scheme has all tags and allows nearly all of their transitions.
    """
    sentences = list(sentences)
    total = sum(tag != OUTSIDE_TAG for tags in sentences for tag in tags)
    best: tuple[int, str] | None = None
    for name in _SCHEMES:
        if segmentation and name == "IOB1":
            continue
        scheme = get_scheme(name, segmentation)
        if not _has_all(scheme, sentences):
            continue
        illegal = sum(len(scheme.illegal(tags)) for tags in sentences)
        if best is None or illegal < best[0]:
            best = illegal, name
    return best[1] if best is not None and best[0] <= _ILLEGAL_SHARE * total else None


def is_bare(tag: str) -> bool:
    """Return whether a tag is a prefix without a type."""
    return tag != OUTSIDE_TAG and tag in _LETTERS


def _has_all(scheme: TagScheme, sentences: list[Sequence[str]]) -> bool:
    try:
        for tag in {tag for tags in sentences for tag in tags}:
            scheme.parse(tag)
    except ValueError:
        return False
    return True
