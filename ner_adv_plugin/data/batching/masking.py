"""Whole-word masking: the characters that a masked language model predicts.

Shape suffixes: L characters of a sentence, N characters of all sentences, W words of a sentence,
M masked characters.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Target
from ner_adv_plugin.data.segmenters import Segmenter

# Parts the random numbers of masks from those of shuffles and variations.
MASKS = 2
# Sentences that are segmented in one call.
CHUNK = 4096


@dataclass(frozen=True)
class Masking:
    """How characters are masked.

    # Parameters

    probability : expected share of the characters of a sentence that are masked.
    masked, random : shares of the masked characters that are replaced by the mask token, and by a
        random one; the others stay as they are.
    mask : index of the mask token.
    size : number of token indices.
    special : token indices that are neither masked nor drawn at random.
    """

    probability: float
    masked: float
    random: float
    mask: int
    size: int
    special: frozenset[int]


class WordMasks(Target):
    """The masked characters of every sentence, drawn anew in every epoch.

    The value of a character is 0 if it is not masked, otherwise 1 + the index that the encoder
    reads in its place. It depends only on the seed, the epoch, the name of the dataset and the
    index of the sentence. Before the first epoch, and so in evaluation, the epoch is -1 and the
    seed 0.

    # Parameters

    dataset : the sentences.
    segmenter : gives the words.
    masking : how characters are masked.
    """

    per_character = True

    def __init__(self, dataset: EncodedDataset, segmenter: Segmenter, masking: Masking) -> None:
        self._dataset = dataset
        self._segmenter = segmenter
        self._masking = masking
        self._key = zlib.crc32(dataset.dataset.encode())
        self._seed, self._epoch = 0, -1
        self._candidates = np.setdiff1d(np.arange(masking.size), sorted(masking.special))
        self._starts_N = _word_starts(dataset, segmenter) if segmenter.ahead else None

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """See `Target.begin_epoch`."""
        self._seed, self._epoch = seed, epoch

    def units(self, sentence: int) -> int:
        """See `Target.units`: the number of masked characters."""
        return int(np.count_nonzero(self.of(sentence, self._dataset.offsets)))

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """See `Target.of`."""
        ids_L = self._dataset.token_ids_of(sentence)
        generator = np.random.default_rng([self._seed, self._key, self._epoch + 1, sentence, MASKS])
        chosen_M = self._chosen(self._words(sentence), ids_L, generator)

        values_L: NDArray[np.int64] = np.zeros(len(ids_L), dtype=np.int64)
        kind_M = generator.random(len(chosen_M))
        random_M = generator.choice(self._candidates, len(chosen_M))
        masking = self._masking
        replaced_M = np.where(
            kind_M < masking.masked,
            masking.mask,
            np.where(kind_M < masking.masked + masking.random, random_M, ids_L[chosen_M]),
        )
        values_L[chosen_M] = replaced_M + 1
        return values_L

    def _chosen(
        self, words_W: NDArray[np.int64], ids_L: NDArray[np.int32], generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Choose whole words at random until the expected share of characters is reached.

        Words come in random order. The last one is longer than what remains; it is chosen with the
        probability with which the expected number of characters is exactly the share.
        """
        ends_W = np.cumsum(words_W)
        starts_W = ends_W - words_W
        known_L = (ids_L < self._masking.size) & ~np.isin(ids_L, [*self._masking.special])
        # A word with a character that the encoder does not know is not masked.
        known_W = np.add.reduceat(~known_L, starts_W) == 0 if len(words_W) else known_L[:0]
        remaining = self._masking.probability * float(words_W[known_W].sum())

        chosen: list[int] = []
        for word in generator.permutation(np.flatnonzero(known_W)).tolist():
            length = int(words_W[word])
            if length > remaining and generator.random() >= remaining / length:
                break
            chosen += range(int(starts_W[word]), int(ends_W[word]))
            remaining -= length
            if remaining <= 0:
                break
        return np.array(sorted(chosen), dtype=np.int64)

    def _words(self, sentence: int) -> NDArray[np.int64]:
        """Return the lengths of the words of a sentence, (W,)."""
        if self._starts_N is None:
            text = self._dataset.text(sentence)
            return _checked(text, self._segmenter.words([text])[0])
        first, last = self._dataset.offsets[sentence : sentence + 2]
        starts_W = np.flatnonzero(self._starts_N[first:last])
        return np.diff(starts_W, append=last - first)


def _word_starts(dataset: EncodedDataset, segmenter: Segmenter) -> NDArray[np.bool_]:
    """Return whether each character of a dataset begins a word, (N,)."""
    starts_N: NDArray[np.bool_] = np.zeros(int(dataset.offsets[-1]), dtype=bool)
    for first in range(0, len(dataset), CHUNK):
        sentences = range(first, min(first + CHUNK, len(dataset)))
        texts = [dataset.text(sentence) for sentence in sentences]
        for sentence, text, lengths in zip(sentences, texts, segmenter.words(texts), strict=True):
            words_W = _checked(text, lengths)
            starts_N[dataset.offsets[sentence] + np.cumsum(words_W) - words_W] = True
    return starts_N


def _checked(text: str, lengths: list[int]) -> NDArray[np.int64]:
    """Return the lengths of words as an array, if they add up to that of the text."""
    words_W: NDArray[np.int64] = np.array(lengths, dtype=np.int64)
    if words_W.sum() != len(text) or (words_W < 1).any():
        raise UserError(
            f"a segmenter returned words of the lengths {lengths} for a text of {len(text)}"
            f" characters: expected lengths that add up to it ({text[:40]!r})"
        )
    return words_W
