"""Entities that one of two arms predicts and the other does not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from ner_adv_plugin.studies.errors.matching import overlap
from ner_adv_plugin.studies.predictions import Entity, PredictedSentence, RunPredictions


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
        if overlap(entity, other)
    )
    return others.most_common(1)[0][0] if others else None
