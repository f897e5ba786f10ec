"""Build the lexicon of a run from word lists, gazetteers, word vectors and the training texts."""

import logging
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.lexicon.lexicon import UNKNOWN_ROW, Lexicon
from ner_adv_plugin.data.lexicon.matching import count_words
from ner_adv_plugin.data.lexicon.vectors import read_vectors
from ner_adv_plugin.data.lexicon.word_lists import MOST_FREQUENT, WordList, read_gazetteer

logger = logging.getLogger(__name__)


def build_lexicon(
    lists: Sequence[WordList],
    gazetteers: Sequence[str],
    vectors: str | None,
    texts: Iterable[str],
    embedding_dim: int = 50,
) -> tuple[Lexicon, NDArray[np.float32] | None]:
    """Build a lexicon.

    # Parameters

    lists : the word lists; without any, the words are those of `vectors`.
    gazetteers : files of typed words.
    vectors : file of word vectors; None for none.
    texts : the training texts: a word that matches in one, or has a vector, gets a row of its own.
    embedding_dim : size of an embedding if there are no vectors.

    # Returns

    The lexicon, and the pretrained rows of its embedding with NaN in rows that have none; None
    without `vectors`.

    # Raises

    ConfigurationError : there are no words at all.
    """
    frequencies: dict[str, int] = {}
    for words in lists:
        for word, frequency in words.words().items():
            frequencies[word] = min(frequencies.get(word, 0) + frequency, MOST_FREQUENT)

    pretrained: dict[str, NDArray[np.float32]] = {}
    if vectors is not None:
        pretrained, embedding_dim = read_vectors(vectors, frequencies if lists else None)
        if not lists:
            frequencies = dict.fromkeys(pretrained, 0)

    counts = count_words(frequencies, texts) if frequencies else {}
    known = sorted(word for word in frequencies if counts.get(word) or word in pretrained)
    typed = list(dict.fromkeys(pair for path in gazetteers for pair in read_gazetteer(path)))
    if not (frequencies or typed):
        raise ConfigurationError("the lists have no words", "words")
    lexicon = Lexicon(
        {word: given or max(1, counts.get(word, 0)) for word, given in frequencies.items()},
        known,
        typed,
        embedding_dim,
    )
    message = "lexicon: %d words, %d of them with an embedding of their own; %d typed words"
    logger.info(message, len(frequencies), len(known), len(lexicon.typed))
    if vectors is None:
        return lexicon, None

    rows: NDArray[np.float32] = np.full((lexicon.rows, embedding_dim), np.nan, np.float32)
    for word, vector in pretrained.items():
        rows[lexicon.known[word]] = vector
    if pretrained:
        rows[UNKNOWN_ROW] = np.nanmean(rows[UNKNOWN_ROW + 1 :], axis=0)
    return lexicon, rows
