"""Base class of instance weightings."""

from collections.abc import Mapping
from typing import Any

import torch

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics


class InstanceWeighting(Registrable):
    """Base class of instance weightings, which set the weights of a training dataset's sentences.

    The loss of a sentence is multiplied by its weight, 0 to 1. The attributes are set by `bind`.
    """

    dataset: str
    every: Mapping[str, EncodedDataset]
    model: Model

    def bind(self, dataset: str, every: Mapping[str, EncodedDataset], model: Model) -> None:
        """Attach the weighting to a dataset; called once, before training.

        # Parameters

        dataset : name of the dataset whose sentences are weighted.
        every : training sentences of all datasets.
        model : model to train.
        """
        self.dataset = dataset
        self.every = every
        self.model = model

    @property
    def sentences(self) -> EncodedDataset:
        """The sentences that are weighted."""
        return self.every[self.dataset]

    def before_epoch(self, epoch: int) -> None:
        """Set the weights of the sentences; every process must call it.

        # Parameters

        epoch : index of the epoch, from 0.
        """
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the state to resume within an epoch, in tensors and plain types."""
        return {"weights": torch.from_numpy(self.sentences.weights.copy())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        self.sentences.weights = state["weights"].numpy()


def set_weights(weightings: Mapping[str, InstanceWeighting], epoch: int) -> Statistics:
    """Set the weights of the sentences for an epoch; every process must call it.

    # Parameters

    weightings : instance weighting of each dataset.
    epoch : index of the epoch, from 0.

    # Returns

    `<dataset>_sentence_weight` of every labelled dataset, the mean weight of its sentences.
    """
    statistics: Statistics = {}
    for name, weighting in weightings.items():
        weighting.before_epoch(epoch)
        weights = weighting.sentences.weights
        if weighting.sentences.head is not None:
            statistics[f"{name}_sentence_weight"] = (float(weights.sum()), len(weights))
    return statistics
