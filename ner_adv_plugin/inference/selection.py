"""Selection of raw text for annotation: pool-based active learning."""

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
from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.answers import entities_of
from ner_adv_plugin.inference.input_lines import numbered_lines
from ner_adv_plugin.inference.ranking import Floats, RankedReadings, rank_readings
from ner_adv_plugin.inference.tagger import Tagger

logger = logging.getLogger(__name__)

STRATEGIES = ("margin", "ratio", "entropy", "diverse")
# Number of sentences that are held in memory and tagged together.
CHUNK = 4096
# Size of the pool of "diverse" as a multiple of the number of sentences to select.
POOL = 10


@dataclass(frozen=True, order=True)
class Chosen:
    """A selected sentence, ordered by usefulness, of equally useful ones by earlier line.

    # Parameters

    usefulness : the higher, the more useful.
    minus_line : negated 1-based line number of the sentence in its file.
    text : the sentence.
    entities : entities that the model predicts, as in the output of `predict`.
    measure : name and value of the confidence measure.
    """

    usefulness: float
    minus_line: int
    text: str = field(compare=False)
    entities: list[dict[str, Any]] = field(compare=False)
    measure: Mapping[str, float] = field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """Convert to the format of the reader "span_json", with line number and measure."""
        label: dict[str, dict[str, list[list[int]]]] = {}
        for entity in self.entities:
            offsets = label.setdefault(entity["type"], {}).setdefault(entity["text"], [])
            offsets.append([entity["start"], entity["end"] - 1])
        return {"text": self.text, "label": label, "line": -self.minus_line, **self.measure}


class Selector:
    """Select the sentences about which a model is least certain.

    A text that occurs several times is selected once. At most `CHUNK` sentences, and those selected
    so far, are held in memory.

    # Parameters

    archive : the trained model.
    strategy : how to measure the usefulness of a sentence. "margin" selects the sentences with the
        smallest difference in probability between the two best readings, "ratio" those with the
        smallest ratio (see `RankedReadings.ratio`), and "entropy" those with the highest entropy
        over all readings, which grows with length. "diverse" takes the `POOL` x `count` sentences
        with the smallest margin and repeatedly selects the one with the highest
        (1 - margin) - (highest similarity to a selected sentence); the similarity is the cosine of
        counts of character bigrams.
    count : number of sentences to select.
    head : name of the head that annotates; by default the head of the archive's
        `validation_metric`.
    batch_size : maximum number of sentences in a batch.

    # Raises

    ConfigurationError : if `count` is below 1.
    UserError : if the head segments words or cannot rank readings.

    Sources: Settles and Craven 2008, "An analysis of active learning strategies for sequence
    labeling tasks" (entropy); Carbonell and Goldstein 1998 (maximal marginal relevance); Kim et al.
    2006, "MMR-based active machine learning for bio named entity recognition".
    """

    def __init__(
        self,
        archive: Archive,
        strategy: str,
        count: int,
        head: str | None = None,
        batch_size: int = 64,
    ) -> None:
        at_least(1, count, "count")

        self.tagger = Tagger(archive, head, batch_size)
        self.strategy = strategy
        self.count = count

        if archive.model.vocab.label_space(self.tagger.head).segmentation:
            raise UserError(
                f'head "{self.tagger.head}" segments words: choose a head for entities with '
                "--multitask-head"
            )
        archive.model.check_ranking(self.tagger.head)

    def select(self, texts: Iterable[tuple[int, str]]) -> list[Chosen]:
        """Select sentences, the most useful first; all of them if there are fewer than `count`.

        # Parameters

        texts : sentences with their line numbers.
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
                "%d sentences requested, but only %d distinct ones found", self.count, len(best)
            )
        best.sort(reverse=True)
        return _diverse(best, self.count) if self.strategy == "diverse" else best

    def _candidates(self, texts: Iterable[tuple[int, str]]) -> Iterator[Chosen]:
        """Yield every sentence with its usefulness and predicted entities."""
        remaining = iter(texts)
        model, head = self.tagger.archive.model, self.tagger.head
        wants_entropy = self.strategy == "entropy"

        while chunk := list(islice(remaining, CHUNK)):
            sentences = self.tagger.encoded([Instance(text) for _, text in chunk])
            ranked = rank_readings(
                model, sentences, head, 2, self.tagger.batch_size, "ranking", wants_entropy
            )
            name, measure, usefulness = self._measured(ranked)
            columns = zip(chunk, ranked.spans, measure.tolist(), usefulness.tolist(), strict=True)
            for (line, text), readings, value, useful in columns:
                yield Chosen(useful, -line, text, entities_of(text, readings[0]), {name: value})

    def _measured(self, ranked: RankedReadings) -> tuple[str, Floats, Floats]:
        """Return the name and values of the confidence measure, and the usefulness of sentences."""
        if self.strategy == "entropy":
            assert ranked.entropy_R is not None
            return "entropy", ranked.entropy_R, ranked.entropy_R
        if self.strategy == "ratio":
            confidence_R = ranked.ratio()
            return "ratio", confidence_R, 1.0 - confidence_R
        confidence_R = ranked.margin()
        return "margin", confidence_R, 1.0 - confidence_R


def _diverse(pool: list[Chosen], count: int) -> list[Chosen]:
    """Select sentences of a pool by maximal marginal relevance with equal weights."""
    similarities = _Similarities([sentence.text for sentence in pool])
    usefulness = np.array([sentence.usefulness for sentence in pool])
    highest_similarity: NDArray[np.float64] = np.zeros(len(pool))

    selected: list[int] = []
    for _ in range(min(count, len(pool))):
        relevance = usefulness - highest_similarity
        relevance[selected] = -np.inf
        selected.append(int(relevance.argmax()))
        highest_similarity = np.maximum(highest_similarity, similarities.to(selected[-1]))
    return [pool[index] for index in selected]


class _Similarities:
    """Cosine similarities of texts by counts of character bigrams, including their edges."""

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
        """Return the similarity of every text to one of them."""
        cosines: NDArray[np.float64] = np.zeros(self._size)
        for bigram, weight in self._vectors[index].items():
            sentences, weights = self._holders[bigram]
            cosines[sentences] += weight * weights
        return cosines


def _unit(counts: Mapping[Any, int]) -> dict[Any, float]:
    """Normalise a vector of counts to unit length."""
    norm = sqrt(sum(count * count for count in counts.values()))
    return {key: count / norm for key, count in counts.items()}


def read_texts(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file that are not blank, with 1-based line numbers.

    The file is read lazily. Only LF and CRLF end a line.

    # Raises

    DataError : if the file does not exist, or a line is not valid UTF-8.
    """
    if not Path(path).is_file():
        raise DataError(path, None, "no such file", "raw text, one sentence a line")
    for number, line in numbered_lines(path):
        if isinstance(line, DataError):
            raise line
        if line.strip():
            yield number, line
