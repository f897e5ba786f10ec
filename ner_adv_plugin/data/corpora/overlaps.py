"""Sentences that stand in several splits: the same, the same but for their writing, or inside others."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.corpora.containment import candidates, may_stand_inside, normalise

TRAIN = "train"


@dataclass(frozen=True)
class SplitRows:
    """The sentences of one split of one dataset, as far as they are compared.

    # Parameters

    dataset, split : their names.
    texts : of every sentence.
    tagged : of every sentence what is equal where text and tags are; None where it has no tags.
    """

    dataset: str
    split: str
    texts: Sequence[str]
    tagged: Sequence[bytes | None]

    @property
    def name(self) -> str:
        """Both names, parted by a dot."""
        return f"{self.dataset}.{self.split}"


@dataclass(frozen=True)
class Overlap:
    """How many sentences of one split are found in another. Every pair of splits has two, one for each direction.

    # Parameters

    sentences_of : the split whose sentences are counted, as `dataset.split`.
    found_in : the split that they are looked for in.
    flagged : it has any, and one of the splits is for training and the other is not: scores are too good.
    exact : sentences with the same characters as a sentence there.
    normalised : sentences equal to a sentence there after normalisation (NFKC, lower case, letters and digits only; a text
        without letters and digits as it stands).
    contained : those, and sentences of 8 or more normalised characters that stand inside a sentence there, normalised.
    same_tags : of the exact ones, those with the same entities or words as a sentence there with the same characters.
    holders : sentences of `found_in` that equal one of `sentences_of` after normalisation, or hold one: what
        `data_loader.leakage` drops where `found_in` is for training and `sentences_of` is not.
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
        """The fields by their names."""
        return asdict(self)


@dataclass(frozen=True)
class Overlaps:
    """What `find_overlaps` found.

    # Parameters

    pairs : both directions of every pair of splits.
    leaked_sentences : for every dataset with training sentences how many of them equal or hold a sentence of any split that is
        not for training: `leaked_sentences_<dataset>` of a run's metrics.
    """

    pairs: list[Overlap]
    leaked_sentences: dict[str, int]


def find_overlaps(splits: Sequence[SplitRows]) -> Overlaps:
    """Compare all splits with one another, whatever their datasets.

    Shape suffixes: T distinct normalised texts, S splits, R sentences of a split.
    """
    normalised = [[normalise(text) for text in split.texts] for split in splits]
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
    """For every text the splits where it is, or inside a text, and those of which it is, or holds, a text."""
    inside_TS, holds_TS = present_TS.copy(), present_TS.copy()
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    own = [i for i, text in enumerate(texts) if may_stand_inside(text)]
    for number, others in candidates([texts[i] for i in own], texts):
        if len(others) == 1:
            continue  # the text itself
        i = own[number]
        others = others[lengths[others] > lengths[i]]
        # Where all is known already, nothing is compared.
        tells = (present_TS[others] & ~inside_TS[i]).any(axis=1) | (
            present_TS[i] & ~holds_TS[others]
        ).any(axis=1)
        for other in others[tells]:
            if texts[i] in texts[other]:
                inside_TS[i] |= present_TS[other]
                holds_TS[other] |= present_TS[i]
    return inside_TS, holds_TS
