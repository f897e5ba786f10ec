"""Error analysis of two arms: the kinds of errors of each, and entities that one alone finds."""

from collections.abc import Sequence
from dataclasses import dataclass

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.studies.errors.disagreements import Disagreement, disagreements
from ner_adv_plugin.studies.errors.scores import (
    ErrorCounts,
    GroupScores,
    count_errors,
    mean_scores,
    scored,
    tabulate,
)
from ner_adv_plugin.studies.errors.similarity import similarity_terciles
from ner_adv_plugin.studies.predictions import Entity, PredictedSentence, RunPredictions

# Upper ends of the groups of lengths; the last group is open.
ENTITY_LENGTHS = (1, 2, 3, 4)
SENTENCE_LENGTHS = (20, 40, 80)


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
    everything = tabulate(a, b, lambda i, entity: "all", ["all"])
    # Without a single entity there is no group at all.
    nothing = GroupScores("all", mean_scores([ErrorCounts()]), mean_scores([ErrorCounts()]))
    types = sorted({name for run in (*a, *b) for name in run.types()})
    lengths = _labels(ENTITY_LENGTHS)
    by = {
        "type": tabulate(a, b, lambda i, entity: entity[2], types),
        "entity_length": tabulate(
            a, b, lambda i, entity: _label_of(entity[1] - entity[0], ENTITY_LENGTHS), lengths
        ),
        "sentence_length": tabulate(
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
        by["similarity"] = tabulate(a, b, lambda i, entity: terciles[i], ["low", "middle", "high"])
    return ErrorAnalysis(
        sentences=len(sentences),
        runs_a=len(a),
        runs_b=len(b),
        overall=everything[0] if everything else nothing,
        by={name: groups for name, groups in by.items() if groups},
        only_a=disagreements(a, b),
        only_b=disagreements(b, a, swapped=True),
    )


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

    return scored(counts(a), counts(b), ["seen", "unseen"])


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
