"""Which types of a dataset are which types of a target."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ner_adv_plugin.data.joining.known_types import KnownType
from ner_adv_plugin.data.joining.meanings import Meaning, parts, similarity, wider

# Descriptions below this similarity are not joined.
THRESHOLD = 0.5
# Descriptions below this share of the threshold have nothing to do with each other.
UNLIKE = 0.4
# The best description must be better than the second best by this much.
MARGIN = 0.2

Verdict = Literal["joined", "dropped", "unsure", "given", "kept"]


@dataclass(frozen=True)
class Match:
    """What becomes of a type of a dataset.

    # Parameters

    name : its name in the dataset.
    verdict : "joined" with a type of the target; "dropped", as the target has no such type;
        "unsure"; "given" by the reader's `type_map`; of the target itself also "kept".
    reason : why.
    target : its new name; None if it is dropped, or unsure.
    score : 1 for known names, the similarity of descriptions otherwise; None if nothing was
        compared.
    candidates : names of the target's types that it may be, if it is unsure.
    finer : of an unsure type those candidates that it holds all together, the one with the same
        meaning first: merging them in the target would allow to join it.
    """

    name: str
    verdict: Verdict
    reason: str
    target: str | None = None
    score: float | None = None
    candidates: tuple[str, ...] = ()
    finer: tuple[str, ...] = ()


def match(
    source: Meaning,
    sources: Sequence[Meaning],
    targets: Sequence[Meaning],
    threshold: float = THRESHOLD,
    given: Collection[str] = (),
) -> Match:
    """Find the type of the target that a type of a dataset is.

    Known names decide first. A type is joined with the target's type of the same meaning, or with a
    wider one of which it is a part if the other parts are joined, too. It is unsure if it may hold
    entities of several types of the target, or only some entities of one. Types that are not known
    by name are compared by description.

    # Parameters

    source : the type.
    sources : all types of its dataset.
    targets : the types of the target.
    threshold : similarity of descriptions from which types are joined.
    given : those of `sources` that a user has joined already.

    # Examples

    >>> from ner_adv_plugin.data.joining.meanings import meaning_of
    >>> targets = [meaning_of("PER"), meaning_of("LOC")]
    >>> match(meaning_of("nr"), [meaning_of("nr")], targets).target
    'PER'
    """
    same_level = [own for own in targets if own.is_nominal == source.is_nominal]
    if source.concept is not None:
        found = _by_concept(source, source.concept, sources, same_level, given)
        if found is not None:
            return found
    if source.concept is None and not source.is_described:
        if any(own.name == source.name for own in same_level):
            return Match(source.name, "joined", "the same name", source.name, 1.0)
        if source.known:
            options = " or ".join(own.name for own in source.known)
            return Match(source.name, "unsure", f"may be {options}: describe it")
        return Match(source.name, "unsure", "not a known name: describe it")
    return _by_description(source, same_level, threshold)


def _by_concept(
    source: Meaning,
    concept: KnownType,
    sources: Sequence[Meaning],
    targets: Sequence[Meaning],
    given: Collection[str],
) -> Match | None:
    """Match a type by what its name, or its description, is known to mean.

    # Returns

    None if the target has no known type of this or a related meaning.
    """
    sources = [own for own in sources if own.is_nominal == source.is_nominal]
    same = [own for own in targets if own.concept is concept]
    narrower = _held_by(concept, sources, targets)
    if len(same) > 1:
        names = tuple(own.name for own in same)
        reason = f"{' and '.join(names)} of the target both mean {concept.name}"
        return Match(source.name, "unsure", reason, candidates=names)
    if same and narrower:
        names = (same[0].name, *narrower)
        reason = f"may hold what the target calls {', '.join(narrower)}"
        return Match(source.name, "unsure", reason, candidates=names, finer=names)
    if same:
        reason = f"both mean {concept.name}"
        return Match(source.name, "joined", reason, same[0].name, 1.0)

    for holder in wider(concept):
        holding = [own.name for own in targets if own.concept is holder]
        if len(holding) == 1:
            problem = _gap(holder, sources, targets, given)
            if problem is None:
                reason = f"{concept.name} is a part of {holder.name}"
                return Match(source.name, "joined", reason, holding[0], 1.0)
            reason = f"only a part of {holder.name}, {problem}"
            return Match(source.name, "unsure", reason, candidates=(holding[0],))

    if narrower:
        reason = f"the target has only parts of {concept.name}"
        return Match(source.name, "unsure", reason, candidates=tuple(narrower))
    return None


def _held_by(
    concept: KnownType, sources: Sequence[Meaning], targets: Sequence[Meaning]
) -> list[str]:
    """Return the target's types that are parts of a type and are not told apart in a dataset."""
    own_concepts = _concepts(sources)
    return [
        own.name
        for own in targets
        if own.concept is not None
        and concept in wider(own.concept)
        and own.concept not in own_concepts
    ]


def _gap(
    holder: KnownType,
    sources: Sequence[Meaning],
    targets: Sequence[Meaning],
    given: Collection[str],
) -> str | None:
    """Say why a dataset would not mark all entities of a type of the target.

    # Returns

    None if its types together are that type.
    """
    own_concepts = _concepts(sources)
    if holder not in own_concepts and not own_concepts.issuperset(parts(holder)):
        return "whose other entities this dataset does not mark"

    whole = [own.name for own in sources if own.concept is holder]
    if any(name not in given for name in whole) and _held_by(holder, sources, targets):
        return f"and {' and '.join(whole)} is unsure"
    return None


def _by_description(source: Meaning, targets: Sequence[Meaning], threshold: float) -> Match:
    """Match a type by its description with those of the target's types.

    Two known types of different names mean different things, however similar their descriptions.
    """
    compared = [
        (similarity(source, own), own.name)
        for own in targets
        if own.texts and (own.concept is None or source.concept is None)
    ]
    compared.sort(key=lambda scored: -scored[0])
    unclear = tuple(own.name for own in targets if not own.texts)
    best, name = compared[0] if compared else (0.0, "")
    second = compared[1][0] if len(compared) > 1 else 0.0

    if best >= threshold and best - second >= MARGIN:
        return Match(source.name, "joined", "similar descriptions", name, best)
    if best >= UNLIKE * threshold:
        names = tuple(own for score, own in compared if score > best - MARGIN)
        return Match(source.name, "unsure", "descriptions are not clear", None, best, names)
    if unclear:
        reason = "the target's types are not known by name: describe them"
        return Match(source.name, "unsure", reason, None, best or None, unclear)
    return Match(source.name, "dropped", "no such type in the target", None, best or None)


def _concepts(meanings: Iterable[Meaning]) -> set[KnownType]:
    return {own.concept for own in meanings if own.concept is not None}
