"""What a run predicted of its target's sentences, as the study keeps it."""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.labels.voting import elected_entities, elected_words

Entity = tuple[int, int, str]
# Those that are predicted; the first that there is scores a run.
SPLITS = ("test", "validation")


def scored_split(splits: Container[str]) -> str:
    """Return the split that scores runs: the test set, or the validation set if it is missing.

    # Parameters

    splits : those of the target.
    """
    return next((split for split in SPLITS if split in splits), SPLITS[-1])


def predictions_file(folder: Path, split: str) -> Path:
    """Return the file of a run's predictions of a split."""
    return folder / f"predictions_{split}.jsonl"


@dataclass(frozen=True)
class PredictedSentence:
    """A sentence with its gold entities and those that a model found.

    # Parameters

    text : the sentence.
    gold : entities as (start, end, type), counted in characters, the end excluded.
    scores : the predicted entities and their scores.
    """

    text: str
    gold: frozenset[Entity]
    scores: dict[Entity, float]

    @property
    def predicted(self) -> frozenset[Entity]:
        """Return the predicted entities."""
        return frozenset(self.scores)


@dataclass(frozen=True)
class RunPredictions:
    """All sentences of an evaluation set as one run predicted them.

    # Parameters

    sentences : in file order.
    """

    sentences: Sequence[PredictedSentence]

    def types(self) -> list[str]:
        """Return the entity types of gold and predictions, sorted."""
        return sorted(
            {
                entity[2]
                for sentence in self.sentences
                for entity in sentence.gold | sentence.predicted
            }
        )

    def counts(self, entity_type: str | None = None) -> NDArray[np.int64]:
        """Count true positives, false positives and false negatives of every sentence: (N, 3).

        # Parameters

        entity_type : count entities of this type only.
        """
        counts = np.zeros((len(self.sentences), 3), dtype=np.int64)
        for i, sentence in enumerate(self.sentences):
            gold, predicted = (
                {entity for entity in entities if entity_type in (None, entity[2])}
                for entities in (sentence.gold, sentence.predicted)
            )
            counts[i] = len(gold & predicted), len(predicted - gold), len(gold - predicted)
        return counts


def elected(runs: Sequence[RunPredictions]) -> RunPredictions:
    """Return what more than half of several runs predict for the same sentences.

    # Parameters

    runs : one or more.
    """
    sentences = []
    for own in zip(*(run.sentences for run in runs), strict=True):
        readings = [
            [
                ScoredSpan(start, end, name, score)
                for (start, end, name), score in sorted(sentence.scores.items())
            ]
            for sentence in own
        ]
        # Words have no type.
        are_words = any(not span.type for spans in readings for span in spans)
        found = elected_words(readings) if are_words else elected_entities(readings)
        scores = {(span.start, span.end, span.type): span.score for span in found}
        sentences.append(PredictedSentence(own[0].text, own[0].gold, scores))
    return RunPredictions(sentences)


def read_predictions(path: Path) -> RunPredictions:
    """Read a file of predictions.

    # Raises

    `DataError` with file and line if a line cannot be read.
    """
    sentences = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                record = json.loads(line)
                gold = frozenset((int(s), int(e), str(t)) for s, e, t in record["gold"])
                scores = {(int(s), int(e), str(t)): float(p) for s, e, t, p in record["predicted"]}
                sentences.append(PredictedSentence(str(record["text"]), gold, scores))
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    path, number, line[:60], "an object of text, gold and predicted"
                ) from error
    return RunPredictions(sentences)


def write_predictions(path: Path, predictions: RunPredictions) -> None:
    """Write a line for each sentence, for `read_predictions`.

    # Parameters

    path : of the file; it is complete or missing after a kill.
    predictions : what is written, entities in the order of their positions.
    """

    def write(aside: Path) -> None:
        # Half a surrogate pair is written as JSON escapes it.
        with aside.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            for sentence in predictions.sentences:
                line = {
                    "text": sentence.text,
                    "gold": sorted(sentence.gold),
                    "predicted": [
                        [*entity, round(score, 6)]
                        for entity, score in sorted(sentence.scores.items())
                    ],
                }
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    write_file(path, write)
