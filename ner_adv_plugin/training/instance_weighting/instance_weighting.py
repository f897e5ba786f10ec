"""The base of all weightings of sentences."""

from collections.abc import Mapping
from typing import Any

import torch

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import Model


class InstanceWeighting(Registrable):
    """Weighs the sentences of one training dataset: a sentence's loss is multiplied by its weight, 0 to 1."""

    dataset: str
    every: Mapping[str, EncodedDataset]
    model: Model

    def bind(self, dataset: str, every: Mapping[str, EncodedDataset], model: Model) -> None:
        """Tell it whose sentences it weighs.

        # Parameters

        dataset : the dataset.
        every : the training sentences of all datasets.
        model : that learns from them.
        """
        self.dataset = dataset
        self.every = every
        self.model = model

    @property
    def sentences(self) -> EncodedDataset:
        """The sentences that it weighs."""
        return self.every[self.dataset]

    def before_epoch(self, epoch: int) -> None:
        """Set the weights of the sentences; every process must call it."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What a run resumed within an epoch needs; tensors and plain types only."""
        return {"weights": torch.from_numpy(self.sentences.weights.copy())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.sentences.weights = state["weights"].numpy()
