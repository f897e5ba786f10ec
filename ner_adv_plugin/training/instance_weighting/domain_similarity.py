"""Weights by similarity to the domain of a target dataset.

Shape suffixes: B sentences of a batch, L characters, D state size, R all sentences.
"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.instance_weighting.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.instance_weighting.trigram_model import TrigramModel

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
# Weights that are all below the first number, or whose standard deviation is below the second, are
# refused: they would drop the dataset, or do nothing but scale its loss.
LEAST_WEIGHT = 0.01
LEAST_DEVIATION = 0.01
# By default this share of the sentences has cross-entropies small enough for the weight 1.
MOST_SIMILAR = 0.05


@InstanceWeighting.register("domain_similarity")
class DomainSimilarity(InstanceWeighting):
    """Weight each sentence by its similarity to the sentences of a target dataset.

    Registered as "domain_similarity". Weights are computed once, before the first epoch, and
    clipped to 0 to 1; a log line says how they spread. The similarity of sentence x is one of, with
    C = `scale`:

    - "cross_entropy": C / H(x). H(x) is the cross-entropy of the sentence in bits per character,
      under a character trigram model of the target dataset.
    - "gaussian": exp(-||v - w||^2 / (2 sigma^2)) / C
    - "polynomial": ((1 + cos(v - u, w - u)) / 2)^degree / C, or without `center`
      max(cos(v, w), 0)^degree / C

    v is the mean of the encoder's states over the sentence, before training; w is the mean of v
    over the sentences of the target dataset; u is the mean of w and the mean of v over the weighted
    sentences.

    Source: He & Sun 2017, "A unified model for cross-domain and semi-supervised named entity
    recognition in Chinese social media", with word2vec and without centring. The states of a
    pretrained encoder share a large component, next to which all cosines are alike.

    # Parameters

    target : dataset that sentences are compared with.
    similarity : "cross_entropy", "gaussian" or "polynomial".
    scale : the constant C; null for 1, with "cross_entropy" for the smallest cross-entropy but
        those of the most similar 5 % of the sentences, which then have weight 1.
    sigma : standard deviation of "gaussian"; "median" for the median of ||v - w||, so that half of
        the sentences have a weight above exp(-1/2) = 0.61.
    degree : degree of "polynomial".
    batch_size : maximum number of sentences encoded together.
    center : compare directions from u, with "polynomial".

    # Raises

    UserError : all weights are near 0, or nearly equal.

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
        scale: float | None = None,
        sigma: float | Literal["median"] = "median",
        degree: int = 1,
        batch_size: int = 64,
        center: bool = True,
    ) -> None:
        _check_numbers({"scale": scale, "sigma": sigma, "degree": degree, "batch_size": batch_size})
        self.target = target
        self.similarity = similarity
        self.scale = scale
        self.sigma = sigma
        self.degree = degree
        self.batch_size = batch_size
        self.center = center

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
            weights = np.clip(self._similarity(), 0.0, 1.0).astype(np.float32)
            self._check_spread(weights[self.sentences.lengths > 0])
            self.sentences.weights = weights

    def _check_spread(self, weights: NDArray[np.float32]) -> None:
        """Log how the weights of sentences spread; refuse weights that cannot be meant."""
        if not len(weights):
            return

        low, median, high = np.quantile(weights, [0.05, 0.5, 0.95])
        where = f"trainer.instance_weighting.{self.dataset}"
        logger.info(
            "%s: weights by similarity to %s: median %.3f, 90 %% of them from %.3f to %.3f",
            where,
            self.target,
            median,
            low,
            high,
        )
        if weights.max() < LEAST_WEIGHT:
            raise UserError(
                f"{where}: all weights are near 0, the largest is {weights.max():.1e}, so that"
                f" nothing would be learnt from {self.dataset}. {self._advice()}"
            )
        if len(weights) > 1 and weights.std() < LEAST_DEVIATION:
            raise UserError(
                f"{where}: all weights are nearly equal, {weights.mean():.3f} with a standard"
                f" deviation of {weights.std():.1e}, so that no sentence counts more than another."
                f" {self._advice()}"
            )

    def _advice(self) -> str:
        """What to change if the weights cannot be meant."""
        change = {
            "gaussian": '`sigma: "median"` and `scale: null`',
            "polynomial": "`center: true` and `scale: null`",
            "cross_entropy": "`scale: null`",
        }[self.similarity]
        return f"Set {change}, or another `similarity`."

    def _similarity(self) -> Floats:
        sentences, target = self.sentences, self.every[self.target]
        if self.similarity == "cross_entropy":
            # An empty sentence has cross-entropy 0 and no loss: its weight does not matter.
            entropy_R = TrigramModel(target).cross_entropy(sentences)
            scale = self.scale
            if scale is None:
                real = entropy_R[sentences.lengths > 0]
                scale = float(np.quantile(real, MOST_SIMILAR)) if len(real) else 1.0
            return scale / np.maximum(entropy_R, np.finfo(np.float64).tiny)

        means_RD = mean_states(self.model, sentences, self.batch_size)
        centre_D = mean_states(self.model, target, self.batch_size)[target.lengths > 0].mean(0)
        real_R = sentences.lengths > 0
        scale = 1.0 if self.scale is None else self.scale
        if self.similarity == "gaussian":
            distance_R = np.linalg.norm(means_RD - centre_D, axis=1)
            sigma = np.median(distance_R[real_R]) if self.sigma == "median" else self.sigma
            # If most sentences are the centre itself, they have weight 1 at any scale.
            sigma = max(float(sigma), np.finfo(np.float64).tiny ** 0.25)
            return np.exp(-(distance_R**2) / (2 * sigma**2)) / scale

        if self.center:
            origin_D = (centre_D + means_RD[real_R].mean(0)) / 2
            means_RD, centre_D = means_RD - origin_D, centre_D - origin_D
        norms_R = np.linalg.norm(means_RD, axis=1) * np.linalg.norm(centre_D)
        cosine_R = means_RD @ centre_D / np.where(norms_R > 0, norms_R, 1.0)
        # An even degree would make a negative cosine positive.
        positive_R = (1 + cosine_R) / 2 if self.center else np.clip(cosine_R, 0.0, None)
        return positive_R**self.degree / scale


def _check_numbers(settings: Mapping[str, Any]) -> None:
    for name in ("scale", "sigma", "degree", "batch_size"):
        if settings[name] not in (None, "median") and settings[name] <= 0:
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
