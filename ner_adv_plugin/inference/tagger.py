"""Predictor of the entities or words of sentences."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ner_adv_plugin.archives import Archive
from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.answers import described, scored_spans
from ner_adv_plugin.data.labels.n_best_memory import READINGS_HELD, check_n_best, memory_budget
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.reading.json_formats import listed
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.inference.predictor import JsonDict, Predictor
from ner_adv_plugin.inference.ranking import rank_readings

# Keys of the text in an input, in order of preference; "text" is that of corpora and of `select`.
DEFAULT_KEYS = ("sentence", "text")


@dataclass(frozen=True)
class Reading:
    """A set of spans that a head may predict for a sentence.

    # Parameters

    spans : the spans with their scores.
    probability : the probability of exactly these spans; None if readings were not ranked.
    """

    spans: list[ScoredSpan]
    probability: float | None = None


@Predictor.register("tagger")
class Tagger(Predictor):
    """Predict the entities or words of sentences with one head.

    Registered as "tagger", the default.

    An input is `{"sentence": ...}` or `{"text": ...}`. A prediction has the `sentence` and its
    `entities`, each with `start`, `end` (exclusive), `type`, `text` and `score` (the probability of
    exactly this entity), or `words` for a segmentation head. A head that tags characters adds
    `tags`, one per character. The other keys of an input, such as `id`, follow.

    With `n_best`, a prediction has a list `n_best` of the most probable readings in descending
    order, each with `probability`, `entities` or `words`, and `tags`. The search is exact; there
    are fewer readings if the sentence does not have as many. `n_best` is refused for a sentence
    whose readings would take more than half of the free memory.

    # Parameters

    archive, head : see `Predictor`.
    batch_size : maximum number of sentences in a batch.
    n_best : number of readings to return; null returns the best one only.
    text_key : key of the text in an input; by default "sentence" or, if an input has no such key,
        "text".

    # Example

    ```jsonnet
    { type: 'tagger', n_best: 3 }
    ```

    # Examples

    Train a small model, then tag with its archive:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from ner_adv_plugin.archives import load_archive
    >>> from ner_adv_plugin.common.params import load_config
    >>> from ner_adv_plugin.runs.train_job import train_model
    >>> folder = tempfile.TemporaryDirectory()
    >>> run = Path(folder.name) / "run"
    >>> metrics = train_model(load_config("fixtures/configs/crf_tagger.jsonnet"), run)

    >>> tagger = Tagger(load_archive(run), n_best=2)
    >>> answer = tagger.predict_json({"sentence": "魏勇在深圳"})
    >>> sorted(answer)
    ['entities', 'n_best', 'sentence', 'tags']
    >>> answer["n_best"][0]["probability"] > answer["n_best"][1]["probability"]
    True
    """

    def __init__(
        self,
        archive: Archive,
        head: str | None = None,
        batch_size: int = 64,
        n_best: int | None = None,
        text_key: str | None = None,
    ) -> None:
        super().__init__(archive, head)
        at_least(1, n_best, "n_best")
        if n_best is not None:
            archive.model.check_ranking(self.head)
        self.batch_size = batch_size
        self.n_best = n_best
        self.text_key = text_key

        vocab = archive.model.vocab
        if vocab.label_space(self.head).raw_text:
            others = [name for name in vocab.heads if not vocab.label_space(name).raw_text]
            raise UserError(
                f'head "{self.head}" is a language model, which predicts no entities or words:'
                f" expected {' or '.join(others) or 'an archive with another head'}"
            )
        self._dataset = next(
            name for name, space in vocab.datasets.items() if space.head == self.head
        )
        self._segments = vocab.label_space(self.head).segmentation
        self._scheme = archive.model.scheme(self.head)
        types = vocab.label_space(self.head).types
        self._states = 1 + len(self._scheme.labels(types)) if self._scheme is not None else 0
        self._budget = memory_budget(next(archive.model.parameters()).device) if n_best else 0
        self._shown = archive.shown(self._dataset)

    def json_to_instance(self, inputs: JsonDict) -> Instance:
        """See `Predictor.json_to_instance`."""
        if not isinstance(inputs, dict):
            raise ValueError('expected an object with a "sentence"')
        key = self._key(inputs)
        if key not in inputs:
            found, missing = listed(map(str, inputs)) or "none", f'"{key}"'
            if self.text_key is None:
                missing = '"sentence" or "text" (another one can be chosen as text_key)'
            raise ValueError(f"no key {missing}, its keys: {found}")
        if not isinstance(inputs[key], str):
            raise ValueError(f'"{key}" is not a string')

        self._check_memory(inputs[key])
        return Instance(inputs[key])

    def consumed(self, inputs: JsonDict) -> Collection[str]:
        """See `Predictor.consumed`: the key of the text, which is the `sentence` of the answer."""
        return (self._key(inputs),)

    def text_to_json(self, text: str) -> JsonDict:
        """See `Predictor.text_to_json`."""
        return {self.text_key or DEFAULT_KEYS[0]: text}

    def _key(self, inputs: JsonDict) -> str:
        """Return the key of the text in an input."""
        if self.text_key is not None:
            return self.text_key
        return next((key for key in DEFAULT_KEYS if key in inputs), DEFAULT_KEYS[0])

    def predict_batch_instance(self, instances: Sequence[Instance]) -> list[JsonDict]:
        """See `Predictor.predict_batch_instance`."""
        found = zip(instances, self.readings(instances), strict=True)
        return [self._described(instance.text, readings) for instance, readings in found]

    def readings(self, instances: Sequence[Instance]) -> list[list[Reading]]:
        """Return the best readings of several sentences, in order; one of each without `n_best`."""
        model, dataset = self.archive.model, self.encoded(instances)
        if self.n_best is None:
            predictions = predict_dataset(model, dataset, self.head, self.batch_size)
            return [[Reading(spans)] for spans in scored_spans(predictions.spans)]

        for instance in instances:
            self._check_memory(instance.text)
        batch_size = max(1, min(self.batch_size, READINGS_HELD // self.n_best))
        ranked = rank_readings(model, dataset, self.head, self.n_best, batch_size)
        return [
            list(map(Reading, spans, probabilities))
            for spans, probabilities in zip(
                ranked.spans, ranked.probabilities_RN.tolist(), strict=True
            )
        ]

    @property
    def chunk(self) -> int:
        """See `Predictor.chunk`: fewer sentences with more readings."""
        return max(1, min(super().chunk, READINGS_HELD // (self.n_best or 1)))

    def _check_memory(self, text: str) -> None:
        if self.n_best is not None:
            check_n_best(self.n_best, len(text), self._states, self._budget)

    def encoded(self, instances: Sequence[Instance]) -> EncodedDataset:
        """Encode sentences for the head, without their labels."""
        model = self.archive.model
        unlabelled = [Instance(instance.text) for instance in instances]
        return EncodedDataset(self._dataset, unlabelled, model.vocab, model.alphabet, self._shown)

    def answer(self, text: str, spans: Sequence[ScoredSpan]) -> JsonDict:
        """Return the prediction for a sentence with these spans."""
        return {"sentence": text, **described(text, spans, self._segments, self._scheme)}

    def _described(self, text: str, readings: Sequence[Reading]) -> JsonDict:
        """Return the prediction for a sentence, with all its readings if `n_best` is set."""
        prediction = self.answer(text, readings[0].spans)
        if self.n_best is not None:
            prediction["n_best"] = [
                {
                    "probability": reading.probability,
                    **described(text, reading.spans, self._segments, self._scheme),
                }
                for reading in readings
            ]
        return prediction
