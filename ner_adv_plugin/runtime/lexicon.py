"""Features of characters from a lexicon.

Shape suffixes: B sentences, L characters, M matches of all sentences, E pairs of a match and a
character in it, F size of a character's features.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.lexicon.lexicon import NONE_ROW, Lexicon
from ner_adv_plugin.runtime.files import EMBEDDING

# The positions of a character in a word: begin, middle, end, single.
BEGIN, MIDDLE, END, SINGLE = range(4)
SETS = 4
Integers = NDArray[np.int64]


class _Expanded(NamedTuple):
    """Matches, and the characters in them.

    # Parameters

    values_MX : what a match has besides start and end.
    match_E : index of the match.
    character_E : index of the character, of all padded ones of the batch.
    set_E : the position of the character in the word.
    """

    values_MX: Integers
    match_E: Integers
    character_E: Integers
    set_E: Integers


class LexiconFeatures:
    """What a lexicon says about characters; see the encoder "lexicon".

    # Parameters

    folder : folder of the lexicon and of the embeddings of its words.
    types : types of its typed words.
    """

    def __init__(self, folder: Path, types: Sequence[str]) -> None:
        self.lexicon = Lexicon.load(folder)
        self.types = list(types)
        self.embedding: NDArray[np.float32] | None = None
        if (folder / EMBEDDING).is_file():
            try:
                self.embedding = np.load(folder / EMBEDDING, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise UserError(f"{folder / EMBEDDING} is not valid: {error}") from error

    def __call__(self, texts: Sequence[str], length: int) -> NDArray[np.float32]:
        """Compute the features of all characters, (B, L, F).

        # Parameters

        texts : the texts as the encoder sees them.
        length : number of characters of a padded text, L.
        """
        features = []
        if self.embedding is not None:
            words = _expanded(self.lexicon.matches, texts, length, 4)
            features.append(_soft_lexicon(self.embedding, words, len(texts) * length))
        if self.types:
            found = _expanded(self.lexicon.typed_matches, texts, length, 3)
            flags = np.zeros(len(texts) * length * len(self.types) * SETS, dtype=np.float32)
            type_E = found.values_MX[found.match_E, 0]
            flags[(found.character_E * len(self.types) + type_E) * SETS + found.set_E] = 1.0
            features.append(flags.reshape(len(texts) * length, -1))
        return np.concatenate(features, -1).reshape(len(texts), length, -1)


def _expanded(
    find: Callable[[str], NDArray[np.int32]], texts: Sequence[str], length: int, columns: int
) -> _Expanded:
    """Find the matches of texts, and expand them to their characters."""
    found = [find(text).astype(np.int64).reshape(-1, columns) for text in texts]
    sentence_M = np.repeat(np.arange(len(texts)), [len(rows) for rows in found])
    matches_MX = np.concatenate(found)
    sizes_M = matches_MX[:, 1] - matches_MX[:, 0]
    match_E = np.repeat(np.arange(len(sizes_M)), sizes_M)
    offset_E = np.arange(len(match_E)) - (np.cumsum(sizes_M) - sizes_M)[match_E]

    sizes_E = sizes_M[match_E]
    set_E = np.where(offset_E == sizes_E - 1, END, MIDDLE)
    set_E[offset_E == 0] = BEGIN
    set_E[sizes_E == 1] = SINGLE
    character_E = (sentence_M * length + matches_MX[:, 0])[match_E] + offset_E
    return _Expanded(matches_MX[:, 2:], match_E, character_E, set_E)


def _soft_lexicon(
    embedding: NDArray[np.float32], words: _Expanded, count: int
) -> NDArray[np.float32]:
    """Return the embeddings of the four word sets of each character, (count, 4 * size)."""
    frequency_E = words.values_MX[words.match_E, 1].astype(np.float32)
    slot_E = words.character_E * SETS + words.set_E
    empty = np.ones(count * SETS, dtype=np.float32)
    empty[slot_E] = 0.0
    # An empty set holds the word "none" with frequency 1.
    totals = empty.reshape(count, SETS).sum(1)
    np.add.at(totals, words.character_E, frequency_E)
    scale = SETS / totals

    sums = embedding[NONE_ROW] * (empty * scale.repeat(SETS))[:, None]
    weight_E = frequency_E * scale[words.character_E]
    vectors_E = embedding[words.values_MX[words.match_E, 0]]
    np.add.at(sums, slot_E, vectors_E * weight_E[:, None])
    return sums.reshape(count, -1)
