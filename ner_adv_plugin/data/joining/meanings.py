"""What the names and descriptions of entity types mean."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ner_adv_plugin.data.joining.known_types import KNOWN_TYPES, KnownType

# Weibo tells names (.NAM) from nominal mentions (.NOM); corpora without a suffix annotate names.
_LEVEL = re.compile(r"(?P<base>.+)[._-](?P<level>NAM|NOM)", re.IGNORECASE)
# Of a single character, such as 人, many words are made.
_CHINESE = re.compile(r"[\u4e00-\u9fff]{2,}")
# What may follow a name in a description.
_CLAUSE = re.compile(r"[：:，,；;。（(]")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Meaning:
    """What a type of a dataset means.

    # Parameters

    name : its name there.
    known : the types that a description, or else the name, may refer to; one if it is clear.
    texts : the description, or else that of the known type and its Chinese names; empty if there is
        neither.
    is_described : whether a user describes it.
    is_nominal : whether it is of nominal mentions, such as 老师, instead of names.
    """

    name: str
    known: tuple[KnownType, ...]
    texts: tuple[str, ...]
    is_described: bool
    is_nominal: bool

    @property
    def concept(self) -> KnownType | None:
        """The known type; None if there is none, or more than one."""
        return self.known[0] if len(self.known) == 1 else None


def meaning_of(name: str, description: str | None = None) -> Meaning:
    """Look up a type of a dataset.

    # Parameters

    name : its name, such as "PER", "nr" or "ORG.NOM".
    description : what a user says that it means, which overrides what its name suggests: any text;
        it is clear if it is, or begins with, the name of a known type, such as "书名，例如红楼梦".

    # Examples

    >>> [known.name for known in meaning_of("nr").known]
    ['person']
    >>> meaning_of("GPE.NOM").is_nominal
    True
    >>> meaning_of("name", "书名").concept.name
    'book'
    """
    level = _LEVEL.fullmatch(name)
    base = level["base"] if level else name
    known = _BY_NAME.get(_plain(_CLAUSE.split(description)[0] if description else base), ())
    texts: tuple[str, ...] = (description,) if description else ()
    if not texts and len(known) == 1:
        texts = (known[0].description, *filter(_CHINESE.fullmatch, known[0].names))
    is_nominal = level is not None and level["level"].upper() == "NOM"
    return Meaning(name, known, texts, bool(description), is_nominal)


def wider(known: KnownType) -> list[KnownType]:
    """Return the types that hold the entities of a known type, the narrowest first.

    # Examples

    >>> [own.name for own in wider(meaning_of("company").concept)]
    ['organization']
    """
    found = []
    name = known.part_of
    while name is not None:
        (own,) = (other for other in KNOWN_TYPES if other.name == name)
        found.append(own)
        name = own.part_of
    return found


def parts(known: KnownType) -> list[KnownType]:
    """Return the types that are parts of a known type."""
    return [own for own in KNOWN_TYPES if own.part_of == known.name]


def similarity(one: Meaning, other: Meaning) -> float:
    """Compare two types, 0 to 1: the largest cosine of the characters and bigrams of their texts.

    What many descriptions of known types contain counts less.

    # Examples

    >>> companies = meaning_of("C", "公司、企业的名称")
    >>> similarity(companies, meaning_of("company")) > 0.5
    True
    >>> similarity(companies, meaning_of("PER")) < 0.1
    True
    """
    return max((_cosine(a, b) for a in one.texts for b in other.texts), default=0.0)


def _cosine(one: str, other: str) -> float:
    vectors = [_weighted(_grams(text)) for text in (one, other)]
    norms = [math.sqrt(sum(value * value for value in own.values())) for own in vectors]
    if not all(norms):
        return 0.0
    first, second = vectors
    return sum(value * second.get(gram, 0.0) for gram, value in first.items()) / math.prod(norms)


def _plain(text: str) -> str:
    return _NO_WORD.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _grams(text: str) -> Counter[str]:
    """Count the characters and bigrams of a text; bigrams do not span punctuation."""
    grams: Counter[str] = Counter()
    for word in _NO_WORD.split(unicodedata.normalize("NFKC", text).casefold()):
        word = "".join(character for character in word if character not in _EMPTY)
        grams.update(word)
        grams.update(word[i : i + 2] for i in range(len(word) - 1))
    return grams


def _weighted(grams: Mapping[str, int]) -> dict[str, float]:
    """Weight grams by how few of the known types have them."""
    total = len(KNOWN_TYPES)
    return {gram: math.log((1 + total) / (1 + _FREQUENCY[gram])) for gram in grams}


def _by_name() -> dict[str, tuple[KnownType, ...]]:
    """Return the known types of each name."""
    found: dict[str, tuple[KnownType, ...]] = {}
    for known in KNOWN_TYPES:
        for name in dict.fromkeys(map(_plain, (known.name, *known.names))):
            found[name] = (*found.get(name, ()), known)
    return found


# Characters of almost all descriptions.
_EMPTY = "的等和或与及各类种"
_BY_NAME = _by_name()
_FREQUENCY = Counter(gram for known in KNOWN_TYPES for gram in _grams(known.description))
