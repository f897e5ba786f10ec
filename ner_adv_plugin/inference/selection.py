"""Choosing raw text for annotation: active learning from a pool."""

import codecs
import heapq
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.archives.archive import Archive
from ner_adv_plugin.common.errors import ConfigurationError, DataError, UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference.ranking import Floats, RankedReadings, rank_readings
from ner_adv_plugin.inference.tagger import Tagger, entities_of

logger = logging.getLogger(__name__)

STRATEGIES = ("margin", "ratio", "entropy", "diverse")
# Sentences that are held and tagged together.
CHUNK = 4096
# "diverse" chooses among so many times as many sentences, those of the least margin.
POOL = 10


@dataclass(frozen=True, order=True)
class Chosen:
    """A sentence worth annotating; of two, the greater is the more useful, or the earlier.

    # Parameters

    usefulness : the higher, the more useful.
    minus_line : minus the number of its line in the file, from 1.
    text : the sentence.
    entities : what the model finds in it, as `predict` answers.
    measure : the name and value of what the model's confidence was measured by.
    """

    usefulness: float
    minus_line: int
    text: str = field(compare=False)
    entities: list[dict[str, Any]] = field(compare=False)
    measure: Mapping[str, float] = field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """The sentence as the reader "span_json" reads it, with its line and measure beside."""
        label: dict[str, dict[str, list[list[int]]]] = {}
        for entity in self.entities:
            places = label.setdefault(entity["type"], {}).setdefault(entity["text"], [])
            places.append([entity["start"], entity["end"] - 1])
        return {"text": self.text, "label": label, "line": -self.minus_line, **self.measure}


class Selector:
    """Chooses the sentences that a model would learn most from, as far as its own confidence tells.

    A text that stands there several times is chosen once. Memory holds `CHUNK` sentences and those chosen so far.

    # Parameters

    archive : the trained model.
    strategy : "margin" takes the sentences whose best tagging is least more probable than the second, "ratio" those of the
        least ratio of He and Sun 2017, "entropy" those of the highest entropy over all taggings (Settles and Craven
        2008, "An analysis of active learning strategies for sequence labeling tasks"), which grows with length.
        "diverse" goes through the `POOL` x `count` sentences of the least margin and takes, one after another, that
        of the highest (1 - margin) - (highest similarity to a sentence taken before), similarity being the cosine of
        counts of character bigrams: maximal marginal relevance with equal weights (Carbonell and Goldstein 1998; for
        entities Kim et al. 2006, "MMR-based active machine learning for bio named entity recognition").
    count : how many sentences.
    head : that annotates; by default that of the archive's `validation_metric`.
    batch_size : sentences encoded together at most.

    Raises `UserError` for a head that segments words or cannot rank, `ConfigurationError` for a count below 1.
    """

    def __init__(
        self,
        archive: Archive,
        strategy: str,
        count: int,
        head: str | None = None,
        batch_size: int = 64,
    ) -> None:
        if count < 1:
            raise ConfigurationError(f"expected 1 or more, found {count}", "count")
        self.tagger = Tagger(archive, head, batch_size)
        self.strategy = strategy
        self.count = count
        if archive.model.vocab.label_space(self.tagger.head).segmentation:
            raise UserError(
                f'head "{self.tagger.head}" segments words: expected one of entities, with --multitask-head'
            )
        archive.model.check_ranking(self.tagger.head)

    def select(self, texts: Iterable[tuple[int, str]]) -> list[Chosen]:
        """The chosen sentences, the most useful first; all of them where there are fewer than `count`.

        # Parameters

        texts : sentences with the numbers of their lines.
        """
        keep = self.count * POOL if self.strategy == "diverse" else self.count
        best: list[Chosen] = []
        held: set[str] = set()
        for sentence in self._candidates(texts):
            if sentence.text in held:
                continue
            held.add(sentence.text)
            if len(best) < keep:
                heapq.heappush(best, sentence)
            else:
                held.remove(heapq.heappushpop(best, sentence).text)
        if len(best) < self.count:
            logger.warning(
                "asked for %d sentences, there are %d different ones", self.count, len(best)
            )
        best.sort(reverse=True)
        return _diverse(best, self.count) if self.strategy == "diverse" else best

    def _candidates(self, texts: Iterable[tuple[int, str]]) -> Iterator[Chosen]:
        rest = iter(texts)
        model, head = self.tagger.archive.model, self.tagger.head
        while chunk := list(islice(rest, CHUNK)):
            sentences = self.tagger.encoded([Instance(text) for _, text in chunk])
            wants_entropy = self.strategy == "entropy"
            ranked = rank_readings(
                model, sentences, head, 2, self.tagger.batch_size, "ranking", wants_entropy
            )
            name, measure, usefulness = self._measured(ranked)
            columns = zip(chunk, ranked.spans, measure.tolist(), usefulness.tolist(), strict=True)
            for (line, text), readings, value, useful in columns:
                yield Chosen(useful, -line, text, entities_of(text, readings[0]), {name: value})

    def _measured(self, ranked: RankedReadings) -> tuple[str, Floats, Floats]:
        """The name and values of the strategy's measure, and how useful they make sentences."""
        if self.strategy == "entropy":
            assert ranked.entropy_R is not None
            return "entropy", ranked.entropy_R, ranked.entropy_R
        name, sure = (
            ("ratio", ranked.ratio()) if self.strategy == "ratio" else ("margin", ranked.margin())
        )
        return name, sure, 1.0 - sure


def _diverse(pool: list[Chosen], count: int) -> list[Chosen]:
    """Sentences of a pool by maximal marginal relevance."""
    similarities = _Similarities([sentence.text for sentence in pool])
    usefulness = np.array([sentence.usefulness for sentence in pool])
    nearest: NDArray[np.float64] = np.zeros(len(pool))
    taken: list[int] = []
    for _ in range(min(count, len(pool))):
        worth = usefulness - nearest
        worth[taken] = -np.inf
        taken.append(int(worth.argmax()))
        nearest = np.maximum(nearest, similarities.to(taken[-1]))
    return [pool[index] for index in taken]


class _Similarities:
    """Cosines of the counts of character bigrams of texts, their edges included."""

    def __init__(self, texts: list[str]) -> None:
        self._size = len(texts)
        self._vectors = [_unit(Counter(pairwise(f"\n{text}\n"))) for text in texts]
        holders: dict[Any, tuple[list[int], list[float]]] = {}
        for index, vector in enumerate(self._vectors):
            for bigram, weight in vector.items():
                sentences, weights = holders.setdefault(bigram, ([], []))
                sentences.append(index)
                weights.append(weight)
        self._holders = {
            bigram: (np.array(sentences), np.array(weights))
            for bigram, (sentences, weights) in holders.items()
        }

    def to(self, index: int) -> NDArray[np.float64]:
        """Of every text to one of them."""
        cosines: NDArray[np.float64] = np.zeros(self._size)
        for bigram, weight in self._vectors[index].items():
            sentences, weights = self._holders[bigram]
            cosines[sentences] += weight * weights
        return cosines


def _unit(counts: Mapping[Any, int]) -> dict[Any, float]:
    norm = sqrt(sum(count * count for count in counts.values()))
    return {key: count / norm for key, count in counts.items()}


def read_texts(path: str | Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file that are not blank, with their numbers from 1, read as they are asked for.

    Only LF and CRLF end a line. Raises `DataError` where there is no such file, with the line where it is not UTF-8.
    """
    if not Path(path).is_file():
        raise DataError(path, None, "no such file", "raw text, one sentence a line")
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            data = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            try:
                text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError as error:
                raise DataError(path, number, data[error.start : error.end], "UTF-8 text") from None
            if text.strip():
                yield number, text
