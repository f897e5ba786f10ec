"""Predictor of an exported model.

Shape suffixes: B sentences, L characters.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.labels.answers import JsonDict, described
from ner_adv_plugin.data.labels.n_best_memory import READINGS_HELD, check_n_best, memory_budget
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.text_forms import text_form
from ner_adv_plugin.data.windows import batches_by_length
from ner_adv_plugin.runtime.decoders import PairDecoder, Ranked, TagDecoder
from ner_adv_plugin.runtime.encoders import CharacterEncoder, SubwordEncoder
from ner_adv_plugin.runtime.files import ENCODER, HEAD, LEXICON, Tags, read_settings
from ner_adv_plugin.runtime.graphs import Graph
from ner_adv_plugin.runtime.lexicon import LexiconFeatures


class Predictor:
    """Predict the entities or words of texts with a model that `allennlp export` wrote.

    Needs onnxruntime, numpy and tokenizers, neither torch nor transformers. Answers are those of
    `ner_adv_plugin.inference.Predictor`. Thread-safe.

    # Parameters

    folder : what `allennlp export` wrote.
    n_best : number of readings to return; None returns the best one only.
    batch_size : maximum number of texts in a batch, 1 or more.
    threads : number of threads that compute an operation; None for one per core.

    # Raises

    UserError : if the folder is not an export, is damaged, or a setting is out of range.
    """

    def __init__(
        self,
        folder: str | Path,
        n_best: int | None = None,
        batch_size: int = 64,
        threads: int | None = None,
    ) -> None:
        for name, value in (("n_best", n_best), ("batch_size", batch_size), ("threads", threads)):
            if value is not None and value < 1:
                raise UserError(f"{name}: expected 1 or more, found {value}")
        path = Path(folder)
        self.settings = read_settings(path)
        self.n_best = n_best
        self.batch_size = batch_size
        self.shown = text_form(self.settings.normalisers)

        graph, subwords = Graph(path / ENCODER, threads), self.settings.subwords
        self._encoder: CharacterEncoder | SubwordEncoder = (
            CharacterEncoder(path, graph)
            if subwords is None
            else SubwordEncoder(path, graph, subwords)
        )
        types = self.settings.lexicon
        self._lexicon = None if types is None else LexiconFeatures(path / LEXICON, types)
        self._head = Graph(path / HEAD, threads)
        decoder = self.settings.decoder
        self._decoder: TagDecoder | PairDecoder = (
            TagDecoder(path, self.settings, decoder)
            if isinstance(decoder, Tags)
            else PairDecoder(self.settings, decoder)
        )

    @property
    def head(self) -> str:
        """Name of the head that predicts."""
        return self.settings.head

    def predict(self, texts: Iterable[str]) -> list[JsonDict]:
        """Return the answers to texts, in order.

        An answer has the text as `sentence`, its `entities` (`start`, `end`, `type`, `text`,
        `score`) or `words`, and `tags` if the head tags characters; with `n_best` also a list
        `n_best` of readings.

        # Raises

        UserError : if an item is not a string, or the readings of a text do not fit into memory.
        """
        texts = _checked(texts)
        if self.n_best is not None:
            budget = memory_budget()
            for text in texts:
                check_n_best(self.n_best, len(text), self._decoder.states, budget)

        # An empty text has one reading, without spans.
        ranked = [Ranked([[]], [1.0]) for _ in texts]
        size = max(1, min(self.batch_size, READINGS_HELD // (self.n_best or 1)))
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        for batch in batches_by_length(lengths, size):
            found = self._predict([texts[index] for index in batch])
            for index, readings in zip(batch, found, strict=True):
                ranked[index] = readings
        return [self._answer(*pair) for pair in zip(texts, ranked, strict=True)]

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Compute the output of the head for texts that are not empty, longest first.

        # Returns

        Tag scores, (B, L, tags), or log-probabilities of pairs of characters, (B, L, L, groups,
        options).
        """
        shown = [self.shown(text) for text in texts]
        lengths = [len(text) for text in texts]
        ids_BL = np.zeros((len(texts), lengths[0]), dtype=np.int64)
        for index, text in enumerate(shown):
            ids_BL[index, : len(text)] = self._encoder.alphabet.encode(text)

        mask_BL = np.arange(lengths[0]) < np.array(lengths)[:, None]
        inputs = {"states": self._encoder.states(ids_BL, lengths), "mask": mask_BL}
        if self._lexicon is not None:
            inputs["features"] = self._lexicon(shown, lengths[0])
        return self._head(**{name: inputs[name] for name in self._head.inputs})

    def _predict(self, texts: Sequence[str]) -> list[Ranked]:
        """Predict texts that are not empty, longest first."""
        output, lengths = self.scores(texts), [len(text) for text in texts]
        if self.n_best is not None:
            return self._decoder.rank(output, lengths, self.n_best)
        return [Ranked([spans], [1.0]) for spans in self._decoder.decode(output, lengths)]

    def _answer(self, text: str, ranked: Ranked) -> JsonDict:
        answer = {"sentence": text, **self._described(text, ranked.readings[0])}
        if self.n_best is not None:
            answer["n_best"] = [
                {"probability": probability, **self._described(text, spans)}
                for spans, probability in zip(*ranked, strict=True)
            ]
        return answer

    def _described(self, text: str, spans: Sequence[ScoredSpan]) -> JsonDict:
        return described(text, spans, self.settings.segmentation, self._decoder.scheme)


def _checked(texts: Iterable[str]) -> list[str]:
    """Return texts as a list; refuse what is not one."""
    if isinstance(texts, str):
        raise UserError("texts: expected a list of strings, found a string: predict([text])")
    try:
        found = list(texts)
    except TypeError as error:
        raise UserError(
            f"texts: expected a list of strings, found {type(texts).__name__}"
        ) from error
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise UserError(f"texts[{index}]: expected a string, found {type(text).__name__}")
    return found
