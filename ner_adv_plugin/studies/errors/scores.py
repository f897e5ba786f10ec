"""Scores of two arms in groups of entities: means over their runs."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

from ner_adv_plugin.studies.errors.matching import ErrorClass, match_entities
from ner_adv_plugin.studies.predictions import Entity, RunPredictions


@dataclass
class ErrorCounts:
    """Entities of each class in a group.

    # Parameters

    gold : gold entities of the group, by class; none is spurious.
    predicted : predicted entities of the group, by class; none is missing.
    """

    gold: Counter[ErrorClass] = field(default_factory=Counter)
    predicted: Counter[ErrorClass] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """Correct among predicted entities; NaN if nothing is predicted."""
        return _ratio(self.predicted[ErrorClass.CORRECT], self.predicted.total())

    @property
    def recall(self) -> float:
        """Correct among gold entities; NaN if nothing is gold."""
        return _ratio(self.gold[ErrorClass.CORRECT], self.gold.total())

    @property
    def f1(self) -> float:
        """F1 of the group; NaN if nothing is gold and nothing predicted."""
        correct = self.gold[ErrorClass.CORRECT]
        return _ratio(2 * correct, self.gold.total() + self.predicted.total())


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else nan


# The group of an entity, given the number of its sentence.
Group = Callable[[int, Entity], str]


def count_errors(run: RunPredictions, group: Group) -> dict[str, ErrorCounts]:
    """Count the entities of a run by group and class.

    # Parameters

    run : gold and predicted entities.
    group : of an entity, given its sentence's index.
    """
    counts: dict[str, ErrorCounts] = {}
    for i, sentence in enumerate(run.sentences):
        for match in match_entities(sentence.gold, sentence.predicted):
            if match.gold is not None:
                of_gold = counts.setdefault(group(i, match.gold), ErrorCounts())
                of_gold.gold[match.error_class] += 1
            if match.predicted is not None:
                of_predicted = counts.setdefault(group(i, match.predicted), ErrorCounts())
                of_predicted.predicted[match.error_class] += 1
    return counts


@dataclass(frozen=True)
class ArmScores:
    """Scores of an arm in a group, means over its runs.

    # Parameters

    gold, predicted : entities of the group.
    precision, recall, f1 : NaN if undefined for a run: nothing predicted, or nothing gold.
    classes : entities of each class; spurious ones are predicted, all others gold.
    """

    gold: float
    predicted: float
    precision: float
    recall: float
    f1: float
    classes: dict[ErrorClass, float]


@dataclass(frozen=True)
class GroupScores:
    """A group of entities, and the scores of two arms in it.

    # Parameters

    label : of the group.
    a, b : scores of the arms.
    """

    label: str
    a: ArmScores
    b: ArmScores


def tabulate(
    a: Sequence[RunPredictions], b: Sequence[RunPredictions], group: Group, labels: Sequence[str]
) -> list[GroupScores]:
    """Count the errors of two arms by group, and return their scores.

    # Parameters

    a, b : runs of each arm.
    group : of an entity, given its sentence's index.
    labels : of the groups, in the order of the table.
    """
    return scored(
        [count_errors(run, group) for run in a], [count_errors(run, group) for run in b], labels
    )


def scored(
    a: Sequence[Mapping[str, ErrorCounts]],
    b: Sequence[Mapping[str, ErrorCounts]],
    labels: Sequence[str],
) -> list[GroupScores]:
    """Return the scores of both arms in every group that has entities."""
    return [
        GroupScores(
            label,
            *(mean_scores([run.get(label, ErrorCounts()) for run in runs]) for runs in (a, b)),
        )
        for label in labels
        if any(label in run for run in (*a, *b))
    ]


def mean_scores(runs: Sequence[ErrorCounts]) -> ArmScores:
    """Return the scores of an arm in a group, given the counts of its runs."""

    def mean(values: Iterable[float]) -> float:
        known = list(values)
        return sum(known) / len(known) if known else nan

    return ArmScores(
        gold=mean(run.gold.total() for run in runs),
        predicted=mean(run.predicted.total() for run in runs),
        precision=mean(run.precision for run in runs),
        recall=mean(run.recall for run in runs),
        f1=mean(run.f1 for run in runs),
        classes={
            name: mean(
                run.predicted[name] if name is ErrorClass.SPURIOUS else run.gold[name]
                for run in runs
            )
            for name in ErrorClass
        },
    )
