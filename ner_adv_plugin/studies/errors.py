"""Error analysis of two arms: what kinds of errors each makes, and where they differ.

An arm is one or more runs (seeds) over the same sentences. Scores are means over its runs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import nan

import numpy as np

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.studies.predictions import Entity, PredictedSentence, RunPredictions

# Upper ends of the groups of lengths; the last group is open.
ENTITY_LENGTHS = (1, 2, 3, 4)
SENTENCE_LENGTHS = (20, 40, 80)


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
            (-_overlap(one, other), one, other)
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


def _overlap(one: Entity, other: Entity) -> int:
    """Return the number of characters that two entities share."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _error_class(gold: Entity, predicted: Entity) -> ErrorClass | None:
    """Return how a predicted entity differs from a gold one; None if they do not overlap."""
    if gold == predicted:
        return ErrorClass.CORRECT
    if gold[:2] == predicted[:2]:
        return ErrorClass.TYPE
    if not _overlap(gold, predicted):
        return None
    return ErrorClass.BOUNDARY if gold[2] == predicted[2] else ErrorClass.BOTH


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


@dataclass(frozen=True)
class Disagreement:
    """An entity that most runs of one arm predict and most runs of the other do not.

    # Parameters

    sentence : its index.
    text : the sentence.
    entity : as (start, end, type).
    is_gold : whether it is right.
    votes_a, votes_b : runs that predict it.
    score_a, score_b : mean score over these runs; NaN if there are none.
    instead : the entity that the other arm predicts most often in its place, overlapping it.
    """

    sentence: int
    text: str
    entity: Entity
    is_gold: bool
    votes_a: int
    votes_b: int
    score_a: float
    score_b: float
    instead: Entity | None


@dataclass(frozen=True)
class TrainingSide:
    """What stood in the training data of the arms, for entities seen and similar sentences.

    # Parameters

    seen : for every seed, (surface form, type) of the entities in the target's training sentences.
    source_bigrams : character bigrams of the source training sentences; empty without sources.
    """

    seen: Sequence[frozenset[tuple[str, str]]]
    source_bigrams: frozenset[str]


@dataclass(frozen=True)
class ErrorAnalysis:
    """The errors of two arms over the same sentences.

    # Parameters

    sentences : number of sentences.
    runs_a, runs_b : runs of each arm.
    overall : all entities.
    by : groups of entities by "type", "entity_length", "sentence_length", and if the training data
        is known "seen" and "similarity".
    only_a, only_b : entities that one arm predicts and the other does not; right ones first.
    """

    sentences: int
    runs_a: int
    runs_b: int
    overall: GroupScores
    by: dict[str, list[GroupScores]]
    only_a: list[Disagreement]
    only_b: list[Disagreement]


def analyse(
    a: Sequence[RunPredictions], b: Sequence[RunPredictions], training: TrainingSide | None = None
) -> ErrorAnalysis:
    """Compare the errors of two arms.

    # Parameters

    a, b : runs of each arm; the same sentences in all.
    training : what the arms were trained on, with the seeds in the order of the runs.

    # Raises

    `UserError` if two runs do not have the same sentences and gold entities.
    """
    _check_same_sentences([*a, *b])
    sentences = a[0].sentences
    everything = _tabulate(a, b, lambda i, entity: "all", ["all"])
    # Without a single entity there is no group at all.
    nothing = GroupScores("all", _mean([ErrorCounts()]), _mean([ErrorCounts()]))
    types = sorted({name for run in (*a, *b) for name in run.types()})
    lengths = _labels(ENTITY_LENGTHS)
    by = {
        "type": _tabulate(a, b, lambda i, entity: entity[2], types),
        "entity_length": _tabulate(
            a, b, lambda i, entity: _label_of(entity[1] - entity[0], ENTITY_LENGTHS), lengths
        ),
        "sentence_length": _tabulate(
            a,
            b,
            lambda i, entity: _label_of(len(sentences[i].text), SENTENCE_LENGTHS),
            _labels(SENTENCE_LENGTHS),
        ),
    }
    if training is not None and training.seen:
        by["seen"] = _by_seen(a, b, training)
    if training is not None and training.source_bigrams:
        terciles = similarity_terciles([one.text for one in sentences], training.source_bigrams)
        by["similarity"] = _tabulate(a, b, lambda i, entity: terciles[i], ["low", "middle", "high"])
    return ErrorAnalysis(
        sentences=len(sentences),
        runs_a=len(a),
        runs_b=len(b),
        overall=everything[0] if everything else nothing,
        by={name: groups for name, groups in by.items() if groups},
        only_a=disagreements(a, b),
        only_b=disagreements(b, a, swapped=True),
    )


def disagreements(
    finds: Sequence[RunPredictions], misses: Sequence[RunPredictions], swapped: bool = False
) -> list[Disagreement]:
    """List the entities that most runs of one arm predict and at most half of the other's do.

    # Parameters

    finds : runs of the arm that predicts them.
    misses : runs of the other.
    swapped : `misses` is the first arm, whose votes and scores are `votes_a` and `score_a`.

    # Returns

    Gold entities first, each part in file order.
    """
    found = []
    for i, sentence in enumerate(finds[0].sentences):
        ours, theirs = ([run.sentences[i] for run in runs] for runs in (finds, misses))
        for entity in sorted(frozenset().union(*(one.predicted for one in ours))):
            our_scores, their_scores = _scores(ours, entity), _scores(theirs, entity)
            if 2 * len(our_scores) <= len(ours) or 2 * len(their_scores) > len(theirs):
                continue
            first, second = (their_scores, our_scores) if swapped else (our_scores, their_scores)
            found.append(
                Disagreement(
                    sentence=i,
                    text=sentence.text,
                    entity=entity,
                    is_gold=entity in sentence.gold,
                    votes_a=len(first),
                    votes_b=len(second),
                    score_a=float(np.mean(first)) if first else nan,
                    score_b=float(np.mean(second)) if second else nan,
                    instead=_instead(theirs, entity),
                )
            )
    return sorted(found, key=lambda one: not one.is_gold)


def similarity_terciles(texts: Sequence[str], source_bigrams: frozenset[str]) -> list[str]:
    """Return "low", "middle" or "high" for each sentence: its similarity to the source.

    The similarity is the share of its character bigrams that occur in the source; the borders are
    the terciles over the sentences, and a sentence on a border is in the lower group.
    """
    shares = [_share(bigrams(text), source_bigrams) for text in texts]
    if not shares:
        return []
    low, high = np.quantile(shares, [1 / 3, 2 / 3])
    return ["low" if one <= low else "middle" if one <= high else "high" for one in shares]


def bigrams(text: str) -> frozenset[str]:
    """Return the character bigrams of a text."""
    return frozenset(text[i : i + 2] for i in range(len(text) - 1))


def _share(own: frozenset[str], source: frozenset[str]) -> float:
    return len(own & source) / len(own) if own else 0.0


def _check_same_sentences(runs: Sequence[RunPredictions]) -> None:
    first = runs[0].sentences
    for run in runs[1:]:
        if len(run.sentences) != len(first):
            raise UserError(
                "the runs do not have the same sentences:"
                f" one has {len(first)}, another {len(run.sentences)}"
            )
        for number, (one, other) in enumerate(zip(first, run.sentences, strict=True), 1):
            if (one.text, one.gold) != (other.text, other.gold):
                raise UserError(
                    f"the runs do not have the same sentences: sentence {number} is"
                    f" {one.text[:40]!r} with {len(one.gold)} gold entities in one and"
                    f" {other.text[:40]!r} with {len(other.gold)} in another"
                )


def _by_seen(
    a: Sequence[RunPredictions], b: Sequence[RunPredictions], training: TrainingSide
) -> list[GroupScores]:
    """Group entities by whether their surface form stands with their type in the training data."""

    def counts(runs: Sequence[RunPredictions]) -> list[dict[str, ErrorCounts]]:
        found = []
        for run, seen in zip(runs, training.seen, strict=True):
            sentences = run.sentences

            def group(
                i: int,
                entity: Entity,
                sentences: Sequence[PredictedSentence] = sentences,
                seen: frozenset[tuple[str, str]] = seen,
            ) -> str:
                start, end, name = entity
                return "seen" if (sentences[i].text[start:end], name) in seen else "unseen"

            found.append(count_errors(run, group))
        return found

    return _scored(counts(a), counts(b), ["seen", "unseen"])


def _tabulate(
    a: Sequence[RunPredictions], b: Sequence[RunPredictions], group: Group, labels: Sequence[str]
) -> list[GroupScores]:
    return _scored(
        [count_errors(run, group) for run in a], [count_errors(run, group) for run in b], labels
    )


def _scored(
    a: Sequence[Mapping[str, ErrorCounts]],
    b: Sequence[Mapping[str, ErrorCounts]],
    labels: Sequence[str],
) -> list[GroupScores]:
    """Return the scores of both arms in every group that has entities."""
    return [
        GroupScores(
            label,
            *(_mean([run.get(label, ErrorCounts()) for run in runs]) for runs in (a, b)),
        )
        for label in labels
        if any(label in run for run in (*a, *b))
    ]


def _mean(runs: Sequence[ErrorCounts]) -> ArmScores:
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


def _scores(runs: Sequence[PredictedSentence], entity: Entity) -> list[float]:
    """Return the scores of an entity in the runs that predict it."""
    return [run.scores[entity] for run in runs if entity in run.scores]


def _instead(runs: Sequence[PredictedSentence], entity: Entity) -> Entity | None:
    """Return what most of the runs that miss an entity predict in its place."""
    others = Counter(
        other
        for run in runs
        if entity not in run.predicted
        for other in sorted(run.predicted)
        if _overlap(entity, other)
    )
    return others.most_common(1)[0][0] if others else None


def _labels(ends: Sequence[int]) -> list[str]:
    """Return the labels of groups of lengths, in order."""
    return [_label_of(end, ends) for end in (*ends, ends[-1] + 1)]


def _label_of(length: int, ends: Sequence[int]) -> str:
    """Return the group of a length, such as "3", "21-40" or "5+"."""
    start = 1
    for end in ends:
        if length <= end:
            return str(end) if start == end else f"{start}-{end}"
        start = end + 1
    return f"{start}+"
