"""Weights by likeness to the target's domain."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.instance_weighting.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.instance_weighting.trigram_model import TrigramModel

Floats = NDArray[np.float64]


@InstanceWeighting.register("domain_similarity")
class DomainSimilarity(InstanceWeighting):
    """Weighs each sentence by how much it is like the sentences of a target dataset, once, before the first epoch.

    With C = `scale`, and cut to 0 to 1 (He and Sun 2017, "A unified model for cross-domain and semi-supervised named
    entity recognition in Chinese social media"):
    "cross_entropy": C / H(x), H the cross-entropy of the sentence, in bits a character, under a character trigram model
    of the target; "gaussian": exp(-||v - w||^2 / (2 sigma^2)) / C; "polynomial": (<v, w> / (||v|| ||w||))^degree / C.
    v is the mean of the encoder's states over the sentence, as they are before training, and w the mean of the target's v.
    Registered as "domain_similarity".

    # Parameters

    target : the dataset that sentences are compared with.
    similarity : "cross_entropy", "gaussian" or "polynomial".
    scale : C.
    sigma : of "gaussian".
    degree : of "polynomial".
    batch_size : sentences encoded together at most.
    """

    def __init__(
        self,
        target: str,
        similarity: Literal["cross_entropy", "gaussian", "polynomial"] = "polynomial",
        scale: float = 1.0,
        sigma: float = 1.0,
        degree: int = 1,
        batch_size: int = 64,
    ) -> None:
        _check_numbers({"scale": scale, "sigma": sigma, "degree": degree, "batch_size": batch_size})
        self.target = target
        self.similarity = similarity
        self.scale = scale
        self.sigma = sigma
        self.degree = degree
        self.batch_size = batch_size

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the target is another dataset, and the own one has a head."""
        _check_numbers(settings)
        if context.run is None:
            return

        check_dataset(settings["target"], context.run.datasets, "target")
        if settings["target"] == context.name:
            raise ConfigurationError(
                "sentences cannot be compared with themselves: expected another dataset", "target"
            )
        if context.run.datasets[context.name].head is None:
            raise ConfigurationError(
                'its sentences have no labels, and so no loss to weigh: expected a dataset with a head, or "confidence"'
            )

    def before_epoch(self, epoch: int) -> None:
        """See `InstanceWeighting.before_epoch`."""
        if epoch == 0:
            self.sentences.weights = np.clip(self._similarity(), 0.0, 1.0).astype(np.float32)

    def _similarity(self) -> Floats:
        sentences, target = self.sentences, self.every[self.target]
        if self.similarity == "cross_entropy":
            # An empty sentence has none, and no loss.
            return self.scale / np.maximum(
                TrigramModel(target).cross_entropy(sentences), np.finfo(np.float64).tiny
            )
        means_RD = mean_states(self.model, sentences, self.batch_size)
        centre_D = mean_states(self.model, target, self.batch_size)[target.lengths > 0].mean(0)
        if self.similarity == "gaussian":
            distance_R = ((means_RD - centre_D) ** 2).sum(1)
            return np.exp(-distance_R / (2 * self.sigma**2)) / self.scale
        norms_R = np.linalg.norm(means_RD, axis=1) * np.linalg.norm(centre_D)
        cosine_R = means_RD @ centre_D / np.where(norms_R > 0, norms_R, 1.0)
        # Sentences that point away are not alike, whatever the power.
        return np.clip(cosine_R, 0.0, None) ** self.degree / self.scale


def _check_numbers(settings: Mapping[str, Any]) -> None:
    for name in ("scale", "sigma", "degree", "batch_size"):
        if settings[name] <= 0:
            raise ConfigurationError(f"expected above 0, found {settings[name]}", name)


def mean_states(model: Model, sentences: EncodedDataset, batch_size: int = 64) -> Floats:
    """The mean of the encoder's states over each sentence, (R, D), 0 of an empty sentence; the model's mode is left as it was.

    Where there are several processes each encodes its share, and all get the whole.
    """

    def ask(batch: Batch) -> NDArray[np.float32]:
        batch = batch.unlabelled()
        states_BLD = model.encode(batch).float().masked_fill(~batch.mask_BL.unsqueeze(-1), 0.0)
        means_BD: NDArray[np.float32] = (
            (states_BLD.sum(1) / batch.lengths_B.unsqueeze(1)).cpu().numpy()
        )
        return means_BD

    found = infer(model, sentences, ask, batch_size, f"encoding {sentences.dataset}")
    parts = [(batch.sentence_ids, means_BD) for batch, means_BD in found]
    every = [part for own in gather(parts) for part in own]
    means_RD = np.zeros((len(sentences), every[0][1].shape[1] if every else 1))
    for sentence_ids, means in every:
        means_RD[sentence_ids] = means
    return means_RD
