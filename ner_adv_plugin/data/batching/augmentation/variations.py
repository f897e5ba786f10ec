"""The variations of the sentences that an epoch draws."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.batching.augmentation.augmentation import Augmentation, Labelled, varied
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.instance import Instance

TargetsOf: TypeAlias = Callable[[EncodedDataset], Mapping[str, Targets]]
# Parts the random numbers of variations from those of shuffles.
VARIATIONS = 1


class Variations:
    """The variations of the sentences that the planned epoch draws, by dataset.

    A variation has an index above those of the sentences of its dataset.

    # Parameters

    augmentations : of each dataset to vary.
    sentences : the training sentences of every dataset.
    seed : determines the variations, together with the epoch and the name of the dataset.
    """

    def __init__(
        self,
        augmentations: Mapping[str, Sequence[Augmentation]],
        sentences: Mapping[str, EncodedDataset],
        seed: int,
    ) -> None:
        self._augmentations = augmentations
        self._sentences = sentences
        self._seed = seed
        # Those of the planned epoch.
        self.made: Mapping[str, EncodedDataset] = {}
        # Makes the targets of a dataset; without it, variations have none.
        self.targets_of: TargetsOf | None = None
        for name, own in augmentations.items():
            for augmentation in own:
                augmentation.fit(_labelled(sentences[name], i) for i in range(len(sentences[name])))

    def vary(
        self,
        epoch: int,
        drawn: Mapping[str, NDArray[np.int64]],
        lengths: Mapping[str, NDArray[np.int64]],
    ) -> tuple[dict[str, NDArray[np.int64]], dict[str, NDArray[np.int64]]]:
        """Vary the sentences that an epoch draws.

        # Parameters

        epoch : index of the epoch.
        drawn : indices of the drawn sentences; one that is drawn twice is varied twice.
        lengths : lengths of all sentences.

        # Returns

        Both with the variations: their indices in place of those of the sentences that were varied,
        and their lengths at the end.
        """
        made: dict[str, EncodedDataset] = {}
        indices = dict(drawn)
        for name in self._augmentations:
            indices[name], made[name] = self._varied(name, drawn[name], epoch)
            if self.targets_of is not None and len(made[name]):
                made[name].targets = self.targets_of(made[name])
        self.made = made
        added = {name: np.concatenate([lengths[name], own.lengths]) for name, own in made.items()}
        return indices, {**lengths, **added}

    def source(self, name: str, sentence: int) -> tuple[EncodedDataset, int]:
        """Return the dataset that holds a planned sentence or variation, and its index there."""
        known = self._sentences[name]
        if sentence < len(known):
            return known, sentence
        return self.made[name], sentence - len(known)

    def _varied(
        self, name: str, drawn: NDArray[np.int64], epoch: int
    ) -> tuple[NDArray[np.int64], EncodedDataset]:
        sentences = self._sentences[name]
        key = zlib.crc32(name.encode())
        generator = np.random.default_rng([self._seed, key, epoch, VARIATIONS])
        indices = drawn.copy()
        origins: list[int] = []
        made: list[Instance] = []
        for position, index in enumerate(drawn.tolist()):
            before = _labelled(sentences, index)
            after = varied(before, self._augmentations[name], generator)
            if after != before:
                indices[position] = len(sentences) + len(made)
                origins.append(index)
                made.append(Instance(after.text, after.spans))
        return indices, sentences.with_sentences(made, np.array(origins, np.int64))


def _labelled(sentences: EncodedDataset, sentence: int) -> Labelled:
    """Return one sentence of a dataset, with its entities in the order of their starts."""
    return Labelled(sentences.text(sentence), sorted(sentences.gold(sentence)))
