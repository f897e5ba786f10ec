"""Matches of gold and predicted entities, and how they differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ner_adv_plugin.studies.predictions import Entity


class ErrorClass(StrEnum):
    """What became of an entity; the classes of nervaluate."""

    CORRECT = "correct"
    TYPE = "type"
    BOUNDARY = "boundary"
    BOTH = "both"
    MISSING = "missing"
    SPURIOUS = "spurious"


# Those that a gold entity, and those that a predicted entity can be in.
OF_GOLD = tuple(name for name in ErrorClass if name is not ErrorClass.SPURIOUS)
OF_PREDICTED = tuple(name for name in ErrorClass if name is not ErrorClass.MISSING)


@dataclass(frozen=True)
class Match:
    """A gold entity and the predicted one that it is matched with.

    # Parameters

    error_class : how they differ.
    gold : None if the predicted entity is spurious.
    predicted : None if the gold entity is missing.
    """

    error_class: ErrorClass
    gold: Entity | None
    predicted: Entity | None


def match_entities(gold: Iterable[Entity], predicted: Iterable[Entity]) -> list[Match]:
    """Match the gold entities of a sentence with the predicted ones, each at most once.

    Equal entities are matched first, then those with the same span and another type, then
    overlapping ones of the same type, then overlapping ones of different types; larger overlaps
    come before smaller ones.

    # Parameters

    gold, predicted : entities as (start, end, type).

    # Examples

    >>> for match in match_entities([(0, 2, "PER"), (4, 6, "LOC")], [(0, 3, "PER")]):
    ...     print(match.error_class, match.gold, match.predicted)
    boundary (0, 2, 'PER') (0, 3, 'PER')
    missing (4, 6, 'LOC') None
    """
    free_gold, free_predicted = sorted(set(gold)), sorted(set(predicted))
    matches = []
    for error_class in (
        ErrorClass.CORRECT,
        ErrorClass.TYPE,
        ErrorClass.BOUNDARY,
        ErrorClass.BOTH,
    ):
        pairs = [
            (-overlap(one, other), one, other)
            for one in free_gold
            for other in free_predicted
            if _error_class(one, other) is error_class
        ]
        for _, one, other in sorted(pairs):
            if one in free_gold and other in free_predicted:
                free_gold.remove(one)
                free_predicted.remove(other)
                matches.append(Match(error_class, one, other))

    matches += [Match(ErrorClass.MISSING, one, None) for one in free_gold]
    matches += [Match(ErrorClass.SPURIOUS, None, other) for other in free_predicted]
    return matches


def overlap(one: Entity, other: Entity) -> int:
    """Return the number of characters that two entities share."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _error_class(gold: Entity, predicted: Entity) -> ErrorClass | None:
    """Return how a predicted entity differs from a gold one; None if they do not overlap."""
    if gold == predicted:
        return ErrorClass.CORRECT
    if gold[:2] == predicted[:2]:
        return ErrorClass.TYPE
    if not overlap(gold, predicted):
        return None
    return ErrorClass.BOUNDARY if gold[2] == predicted[2] else ErrorClass.BOTH
