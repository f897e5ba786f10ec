"""Weights by similarity to the domain of a target dataset.

Shape suffixes: B sentences of a batch, L characters, D state size, R all sentences.
"""

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
    """Weight each sentence by its similarity to the sentences of a target dataset.

    Registered as "domain_similarity". Weights are computed once, before the first epoch, and
    clipped to 0 to 1. The similarity of sentence x is one of, with C = `scale`:

    - "cross_entropy": C / H(x). H(x) is the cross-entropy of the sentence in bits per character,
      under a character trigram model of the target dataset.
    - "gaussian": exp(-||v - w||^2 / (2 sigma^2)) / C
    - "polynomial": (<v, w> / (||v|| ||w||))^degree / C

    v is the mean of the encoder's states over the sentence, before training; w is the mean of v
    over the sentences of the target dataset.

    Source: He & Sun 2017, "A unified model for cross-domain and semi-supervised named entity
    recognition in Chinese social media".

    # Parameters

    target : dataset that sentences are compared with.
    similarity : "cross_entropy", "gaussian" or "polynomial".
    scale : the constant C.
    sigma : standard deviation of "gaussian".
    degree : degree of "polynomial".
    batch_size : maximum number of sentences encoded together.

    # Example

    The value for one dataset in `trainer.instance_weighting`:

    ```jsonnet
    { type: 'domain_similarity', target: 'weibo', similarity: 'polynomial', degree: 2 }
    ```
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
        """See `Registrable.check`: the target is another dataset, and the dataset has a head."""
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
                "the sentences have no labels, hence no loss to weight: expected a dataset with a"
                ' head, or "confidence"'
            )

    def before_epoch(self, epoch: int) -> None:
        """See `InstanceWeighting.before_epoch`."""
        if epoch == 0:
            self.sentences.weights = np.clip(self._similarity(), 0.0, 1.0).astype(np.float32)

    def _similarity(self) -> Floats:
        sentences, target = self.sentences, self.every[self.target]
        if self.similarity == "cross_entropy":
            # An empty sentence has cross-entropy 0 and no loss: its weight does not matter.
            entropy_R = TrigramModel(target).cross_entropy(sentences)
            return self.scale / np.maximum(entropy_R, np.finfo(np.float64).tiny)

        means_RD = mean_states(self.model, sentences, self.batch_size)
        centre_D = mean_states(self.model, target, self.batch_size)[target.lengths > 0].mean(0)
        if self.similarity == "gaussian":
            squared_distance_R = ((means_RD - centre_D) ** 2).sum(1)
            return np.exp(-squared_distance_R / (2 * self.sigma**2)) / self.scale

        norms_R = np.linalg.norm(means_RD, axis=1) * np.linalg.norm(centre_D)
        cosine_R = means_RD @ centre_D / np.where(norms_R > 0, norms_R, 1.0)
        # An even degree would make a negative cosine positive.
        return np.clip(cosine_R, 0.0, None) ** self.degree / self.scale


def _check_numbers(settings: Mapping[str, Any]) -> None:
    for name in ("scale", "sigma", "degree", "batch_size"):
        if settings[name] <= 0:
            raise ConfigurationError(f"expected above 0, found {settings[name]}", name)


def mean_states(model: Model, sentences: EncodedDataset, batch_size: int = 64) -> Floats:
    """Compute the mean of the encoder's states over each sentence.

    With several processes each encodes a share of the sentences, and all return all of them. The
    mode of the model is restored.

    # Parameters

    model : model with an encoder.
    sentences : sentences to encode.
    batch_size : maximum number of sentences encoded together.

    # Returns

    Means, (R, D); 0 for an empty sentence.
    """

    def batch_means(batch: Batch) -> NDArray[np.float32]:
        batch = batch.unlabelled()
        states_BLD = model.encode(batch).float().masked_fill(~batch.mask_BL.unsqueeze(-1), 0.0)
        means_BD: NDArray[np.float32] = (
            (states_BLD.sum(1) / batch.lengths_B.unsqueeze(1)).cpu().numpy()
        )
        return means_BD

    results = infer(model, sentences, batch_means, batch_size, f"encoding {sentences.dataset}")
    own_results = [(batch.sentence_ids, means_BD) for batch, means_BD in results]
    all_results = [result for results_of_rank in gather(own_results) for result in results_of_rank]

    size = all_results[0][1].shape[1] if all_results else 1
    means_RD = np.zeros((len(sentences), size))
    for sentence_ids, means_BD in all_results:
        means_RD[sentence_ids] = means_BD
    return means_RD
