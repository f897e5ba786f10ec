"""Tags, entities and words of sentences."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.archives.archive import Archive
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.inference.evaluator import predict_rows
from ner_adv_plugin.inference.predictor import JsonDict, Predictor
from ner_adv_plugin.inference.ranking import rank_paths


@Predictor.register("tagger")
class Tagger(Predictor):
    """Tags sentences by one head.

    An input is `{"sentence": ...}`; an answer has `sentence`, `tags` (one a character), and `entities` with
    `start`, `end` (exclusive), `type` and `text`, or `words` for a segmentation head.
    With `n_best` an answer also has a list of that name: the best taggings in falling order, exactly and as many as
    there are, each with its `probability`, `tags`, and `entities` or `words`.
    Registered as "tagger".

    # Parameters

    archive, head : see `Predictor`.
    batch_size : sentences encoded together at most.
    n_best : how many taggings to give; null gives the best alone.
    """

    def __init__(
        self, archive: Archive, head: str | None = None, batch_size: int = 64, n_best: int | None = None
    ) -> None:
        super().__init__(archive, head)
        if n_best is not None and n_best < 1:
            raise ConfigurationError(f"expected 1 or more, found {n_best}", "n_best")
        self.batch_size = batch_size
        self.n_best = n_best
        datasets = archive.model.vocab.datasets
        self._dataset = next(name for name, space in datasets.items() if space.head == self.head)
        self._labels = archive.model.vocab.label_space(self.head)
        self._shown = archive.train_reader.readers[self._dataset].shown

    def json_to_instance(self, inputs: JsonDict) -> Instance:
        """See `Predictor.json_to_instance`."""
        if not isinstance(inputs, dict) or not isinstance(inputs.get("sentence"), str):
            raise ValueError('expected an object with a string "sentence"')
        return Instance(inputs["sentence"])

    def predict_batch_instance(self, instances: Sequence[Instance]) -> list[JsonDict]:
        """See `Predictor.predict_batch_instance`."""
        model, rows = self.archive.model, self.encoded(instances)
        if self.n_best is not None:
            ranked = rank_paths(model, rows, self.head, self.n_best, self.batch_size)
            columns = [self.answers(rows, tags_C) for tags_C in ranked.tags_NC]
            counts = np.isfinite(ranked.scores_RN).sum(1)
            by_row = zip(zip(*columns, strict=True), ranked.probabilities_RN.tolist(), counts.tolist(), strict=True)
            return [_with_n_best(row[:count], probabilities[:count]) for row, probabilities, count in by_row]
        return self.answers(rows, predict_rows(model, rows, self.head, self.batch_size).tags)

    def encoded(self, instances: Sequence[Instance]) -> EncodedRows:
        """The rows as its head wants them, whatever is known of their tags."""
        model, bare = self.archive.model, [Instance(row.text) for row in instances]
        return EncodedRows(self._dataset, bare, model.vocab, model.alphabet, self._shown)

    def answers(self, rows: EncodedRows, tags: NDArray[np.int16]) -> list[JsonDict]:
        """The answers that these tags, of all rows one after another, mean."""
        names = self._labels.labels
        bounds = pairwise(rows.offsets.tolist())
        flat = [names[tag] for tag in tags.tolist()]
        return [
            answer(row.text, flat[start:end], self._labels)
            for row, (start, end) in zip(rows.instances, bounds, strict=True)
        ]


def _with_n_best(answers: Sequence[JsonDict], probabilities: Sequence[float]) -> JsonDict:
    """The best of a sentence's answers, with all of them."""
    n_best = [
        {"probability": probability, **{name: value for name, value in one.items() if name != "sentence"}}
        for one, probability in zip(answers, probabilities, strict=True)
    ]
    return {**answers[0], "n_best": n_best}


def answer(text: str, tags: list[str], labels: LabelSpace) -> JsonDict:
    """A sentence with its tags, and the entities or words that they mean."""
    spans = labels.scheme.spans(tags)
    result: JsonDict = {"sentence": text, "tags": tags}
    if labels.scheme.segmentation:
        result["words"] = [text[span.start : span.end] for span in spans]
    else:
        result["entities"] = [
            {"start": span.start, "end": span.end, "type": span.type, "text": text[span.start : span.end]}
            for span in spans
        ]
    return result
