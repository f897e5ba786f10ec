"""The types of several datasets on one head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ner_adv_plugin.data.joining.matching import THRESHOLD, Match, match
from ner_adv_plugin.data.joining.meanings import Meaning, meaning_of

TypeMap = dict[str, str | None]


@dataclass(frozen=True)
class DatasetTypes:
    """The entity types of a dataset.

    # Parameters

    name : name of the dataset.
    types : the types that its files have.
    type_map : new names that its reader gives to some; None drops a type.
    descriptions : what some of the types mean.
    head : name of its head, if it is another.
    """

    name: str
    types: Sequence[str]
    type_map: Mapping[str, str | None] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    head: str | None = None

    def meaning(self, name: str) -> Meaning:
        """Return what a type of its files means."""
        return meaning_of(name, self.descriptions.get(name))


@dataclass(frozen=True)
class JoinedTypes:
    """A dataset on the head of the target.

    # Parameters

    dataset : the dataset.
    matches : what becomes of each of its types.
    type_map : the `type_map` of its reader; types that keep their names are not in it.
    annotated_types : the `annotated_types` of its reader; None if it annotates all types of the
        head. Without those that are unsure, so that its reader stops at them until they are
        decided.
    """

    dataset: str
    matches: tuple[Match, ...]
    type_map: TypeMap
    annotated_types: tuple[str, ...] | None


def join_types(
    target: DatasetTypes,
    sources: Sequence[DatasetTypes],
    threshold: float = THRESHOLD,
    merge: bool = False,
) -> tuple[JoinedTypes, ...]:
    """Propose on one head the types of a target and those of sources.

    What a reader's `type_map` says stays. Types of a source that the target does not have are
    dropped. A type that a source does not annotate is unknown in it, not absent.

    # Parameters

    target : the dataset whose types the head has.
    sources : the other datasets.
    threshold : similarity of descriptions from which types are joined, 0 to 1.
    merge : whether to merge types of the target that a source does not tell apart.

    # Returns

    The target, then the sources.

    # Examples

    >>> source = DatasetTypes("cluener", ["name", "book"])
    >>> join_types(DatasetTypes("msra", ["PER"]), [source])[1].type_map
    {'name': 'PER', 'book': None}
    """
    merged: dict[str, str] = {}
    found = [_matches(own, target, merged, threshold) for own in sources]
    if merge:
        for matches in found:
            for own in matches:
                if own.finer:
                    merged |= dict.fromkeys(own.finer[1:], own.finer[0])
        merged = {name: _last(name, merged) for name in merged}
        found = [_matches(own, target, merged, threshold) for own in sources]

    kept = [_kept(target, merged), *found]
    annotated = [
        tuple(dict.fromkeys(own.target for own in matches if own.target is not None))
        for matches in kept
    ]
    head = {name for names in annotated for name in names}
    return tuple(
        JoinedTypes(
            dataset.name,
            tuple(matches),
            {
                own.name: own.target
                for own in matches
                if own.verdict != "unsure" and own.target != own.name
            },
            names
            if names and (set(names) != head or any(own.verdict == "unsure" for own in matches))
            else None,
        )
        for dataset, matches, names in zip([target, *sources], kept, annotated, strict=True)
    )


def _kept(target: DatasetTypes, merged: Mapping[str, str]) -> list[Match]:
    """Return what becomes of the types of the target itself."""
    matches = []
    for name in target.types:
        given = target.type_map.get(name, name)
        new = merged.get(given, given) if given is not None else None
        if new != given:
            matches.append(
                Match(name, "joined", "merged, as a source does not tell them apart", new)
            )
        else:
            is_given = name in target.type_map
            reason = "type_map of the reader" if is_given else "type of the target"
            matches.append(Match(name, "given" if is_given else "kept", reason, new))
    return matches


def _matches(
    source: DatasetTypes, target: DatasetTypes, merged: Mapping[str, str], threshold: float
) -> list[Match]:
    """Match the types of a source with those of the target."""
    targets = _target_meanings(target, merged)
    # Entities that the reader drops are not marked.
    kept = [
        source.meaning(name) for name in source.types if source.type_map.get(name, name) is not None
    ]
    matches = []
    for name in source.types:
        if name in source.type_map:
            new = source.type_map[name]
            new = merged.get(new, new) if new is not None else None
            matches.append(Match(name, "given", "type_map of the reader", new))
        else:
            own = source.meaning(name)
            matches.append(match(own, kept, targets, threshold, source.type_map))
    return matches


def _target_meanings(target: DatasetTypes, merged: Mapping[str, str]) -> list[Meaning]:
    """Return the meanings of the target's types, by the names that the head has.

    A new name that is not known means what the first of the types means that are mapped to it.
    """
    meanings: dict[str, Meaning] = {}
    for name in target.types:
        new = target.type_map.get(name, name)
        if new is None or new in merged or new in meanings:
            continue
        own = target.meaning(new)
        if not own.texts and not own.known:
            old = target.meaning(name)
            own = Meaning(new, old.known, old.texts, old.is_described, old.is_nominal)
        meanings[new] = own
    return list(meanings.values())


def _last(name: str, merged: Mapping[str, str]) -> str:
    """Return the name into which a merged name is merged in the end."""
    while name in merged:
        name = merged[name]
    return name
