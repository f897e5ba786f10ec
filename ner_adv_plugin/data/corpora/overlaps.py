"""Overlaps: sentences of one split that equal, or are contained in, sentences of another.

Shape suffixes: T distinct normalised texts, S splits, R sentences of a split.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.corpora.containment import candidates, is_searchable, normalise_all
from ner_adv_plugin.data.reading.instance_table import InstanceTable

TRAIN = "train"


@dataclass(frozen=True)
class SplitRows:
    """The sentences of one split of one dataset, in the form in which they are compared.

    # Parameters

    dataset, split : names of the dataset and the split.
    texts : text of every sentence.
    tagged : digest of the text and tags of every sentence; None if it is unlabelled.
    table : the sentences with their labels, which are not compared here.
    """

    dataset: str
    split: str
    texts: Sequence[str]
    tagged: Sequence[bytes | None]
    table: InstanceTable | None = None

    @property
    def name(self) -> str:
        """The names joined as `dataset.split`."""
        return f"{self.dataset}.{self.split}"


@dataclass(frozen=True)
class Overlap:
    """How many sentences of one split are found in another, in one of the two directions.

    # Parameters

    sentences_of : the split whose sentences are counted, as `dataset.split`.
    found_in : the split in which they are searched for.
    flagged : whether there are any, and exactly one of the splits is for training, so that scores
        are too high.
    exact : number of sentences with the same characters as a sentence of `found_in`.
    normalised : number of sentences that equal a sentence of `found_in` after normalisation (NFKC,
        lower case, letters and digits only; a text without these is left unchanged).
    contained : number of sentences that equal a sentence of `found_in`, or that have 8 or more
        characters and are contained in one, after normalisation.
    same_tags : of the exact matches, the number with the same entities or words.
    holders : number of sentences of `found_in` that equal or contain a sentence of `sentences_of`
        after normalisation: what `data_loader.leakage` drops if only `found_in` is for training.
    """

    sentences_of: str
    found_in: str
    flagged: bool
    exact: int
    normalised: int
    contained: int
    same_tags: int
    holders: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Overlaps:
    """The result of `find_overlaps`.

    # Parameters

    pairs : both directions of every pair of splits.
    leaked_sentences : for each dataset with training sentences, the number that equal or contain a
        sentence of any split that is not for training; `leaked_sentences_<dataset>` in a run's
        metrics.
    """

    pairs: list[Overlap]
    leaked_sentences: dict[str, int]


def find_overlaps(splits: Sequence[SplitRows]) -> Overlaps:
    """Compare every split with every other, within and across datasets.

    # Parameters

    splits : the sentences of each split.

    # Examples

    >>> train = SplitRows("weibo", "train", ["你好", "你好！", "再见"], [b"1", b"2", b"3"])
    >>> test = SplitRows("weibo", "test", ["你好"], [b"1"])
    >>> find_overlaps([train, test]).leaked_sentences
    {'weibo': 2}
    """
    normalised = [normalise_all(split.texts) for split in splits]
    index = {
        text: i
        for i, text in enumerate(dict.fromkeys(text for texts in normalised for text in texts))
    }
    ids = [np.array([index[text] for text in texts], dtype=np.int64) for texts in normalised]

    present_TS = np.zeros((len(index), len(splits)), dtype=bool)
    for s, sentences_R in enumerate(ids):
        present_TS[sentences_R, s] = True
    inside_TS, holds_TS = _containment(list(index), present_TS)

    texts = [set(split.texts) for split in splits]
    tagged = [set(split.tagged) - {None} for split in splits]
    pairs = []
    for a, b in permutations(range(len(splits)), 2):
        one, other = splits[a], splits[b]
        contained = int(inside_TS[ids[a], b].sum())
        pairs.append(
            Overlap(
                sentences_of=one.name,
                found_in=other.name,
                flagged=contained > 0 and (one.split == TRAIN) != (other.split == TRAIN),
                exact=sum(text in texts[b] for text in one.texts),
                normalised=int(present_TS[ids[a], b].sum()),
                contained=contained,
                same_tags=sum(sentence in tagged[b] for sentence in one.tagged),
                holders=int(holds_TS[ids[b], a].sum()),
            )
        )

    held_out_S = np.array([split.split != TRAIN for split in splits], dtype=bool)
    leaked = {
        split.dataset: int(holds_TS[sentences_R][:, held_out_S].any(axis=1).sum())
        for split, sentences_R in zip(splits, ids, strict=True)
        if split.split == TRAIN
    }
    return Overlaps(pairs, leaked)


def _containment(
    texts: Sequence[str], present_TS: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the splits of which each text is, is contained in, or contains a text.

    # Parameters

    texts : the distinct normalised texts.
    present_TS : the splits that have each text.

    # Returns

    inside_TS : splits with a text that equals or contains this one.
    holds_TS : splits with a text that this one equals or contains.
    """
    inside_TS, holds_TS = present_TS.copy(), present_TS.copy()
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    searched = [i for i, text in enumerate(texts) if is_searchable(text)]

    for number, others in candidates([texts[i] for i in searched], texts):
        if len(others) == 1:
            continue  # the text itself
        i = searched[number]
        others = others[lengths[others] > lengths[i]]
        # Texts that cannot add anything new are not compared.
        adds = (present_TS[others] & ~inside_TS[i]).any(axis=1) | (
            present_TS[i] & ~holds_TS[others]
        ).any(axis=1)
        for other in others[adds]:
            if texts[i] in texts[other]:
                inside_TS[i] |= present_TS[other]
                holds_TS[other] |= present_TS[i]
    return inside_TS, holds_TS
