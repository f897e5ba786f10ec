"""The most probable readings of whole datasets and the confidence of a model in them.

Shape suffixes: R sentences, N readings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.heads import Readings

Floats = NDArray[np.float64]


@dataclass
class RankedReadings:
    """The best readings of every sentence, best first; an empty sentence has one.

    A reading is a set of spans that a head may predict for a sentence.

    # Parameters

    spans : the readings of each sentence.
    scores_RN : their scores, -inf if a sentence has fewer readings.
    probabilities_RN : their probabilities, 0 if a sentence has fewer readings.
    entropy_R : entropy of the distribution over all readings in nats; None if not requested.

    # Examples

    >>> scores_RN, probabilities_RN = np.array([[4.0, 3.0]]), np.array([[0.5, 0.25]])
    >>> ranked = RankedReadings([], scores_RN, probabilities_RN, None)
    >>> ranked.margin().tolist(), ranked.ratio().tolist()
    ([0.25], [0.25])
    """

    spans: list[list[list[ScoredSpan]]]
    scores_RN: Floats
    probabilities_RN: Floats
    entropy_R: Floats | None

    def margin(self) -> Floats:
        """Return the difference in probability of the two best readings, (R,), 0 to 1.

        It is 1 if a sentence has a single reading.

        Source: Scheffer, Decomain and Wrobel 2001, "Active hidden Markov models for information
        extraction", there for single characters.
        """
        margin_R = self.probabilities_RN[:, 0] - self.probabilities_RN[:, 1]
        return np.where(self._single(), 1.0, np.clip(margin_R, 0.0, 1.0))

    def ratio(self) -> Floats:
        """Return the relative difference of the two best scores, (R,), clipped to 0 to 1.

        It is (y_max - y_2nd) / y_max, 1 if a sentence has a single reading, and 0 if the best score
        is not positive. The scores of a CRF are only defined up to a constant, on which this value
        depends; `margin` does not have this problem.

        Source: He and Sun 2017, "A unified model for cross-domain and semi-supervised named entity
        recognition in Chinese social media".
        """
        best_R, second_R = self.scores_RN[:, 0], self.scores_RN[:, 1]
        excess_R = best_R - np.where(self._single(), 0.0, second_R)
        share_R = np.divide(excess_R, best_R, out=np.zeros_like(best_R), where=best_R > 0)
        return np.where(self._single(), 1.0, np.clip(share_R, 0.0, 1.0))

    def _single(self) -> NDArray[np.bool_]:
        """Return whether each sentence has a single reading, (R,)."""
        return np.isneginf(self.scores_RN[:, 1])


def rank_readings(
    model: Model,
    dataset: EncodedDataset,
    head: str,
    n: int,
    batch_size: int = 64,
    description: str = "predicting",
    entropy: bool = False,
) -> RankedReadings:
    """Find the `n` best readings of every sentence by one head.

    The mode of the model is restored. With several processes, each ranks its share of the
    sentences, and all return the whole result.

    # Parameters

    model : the model.
    dataset : the sentences.
    head : name of the head.
    n : number of readings of each sentence.
    batch_size : maximum number of sentences in a batch.
    description : label of the progress bar.
    entropy : whether to compute the entropy of each sentence.

    # Raises

    UserError : if the head cannot rank readings.
    """
    spans: dict[int, list[list[ScoredSpan]]] = {}
    scores_RN = np.zeros((len(dataset), n))
    probabilities_RN = np.zeros((len(dataset), n))
    entropy_R = np.zeros(len(dataset))

    def ask(batch: Batch) -> Readings:
        return model.rank(batch.unlabelled(), head, n, entropy)

    for batch, best in infer(model, dataset, ask, batch_size, description):
        spans.update(zip(batch.sentence_ids, best.spans, strict=True))
        scores_RN[batch.sentence_ids] = best.scores_BN.double().cpu().numpy()
        probabilities_RN[batch.sentence_ids] = best.probabilities_BN.double().cpu().numpy()
        if best.entropy_B is not None:
            entropy_R[batch.sentence_ids] = best.entropy_B.double().cpu().numpy()

    # Sentences ranked by other processes are missing, or 0, in this one.
    by_sentence: dict[int, list[list[ScoredSpan]]] = {}
    for share in gather(spans):
        by_sentence.update(share)
    scores_RN, probabilities_RN, entropy_R = (
        np.sum(gather(own), axis=0) for own in (scores_RN, probabilities_RN, entropy_R)
    )

    # Empty sentences are in no batch.
    scores_RN[dataset.lengths == 0, 1:] = -np.inf
    probabilities_RN[dataset.lengths == 0, 0] = 1.0
    in_order = [by_sentence.get(sentence, [[]]) for sentence in range(len(dataset))]
    return RankedReadings(in_order, scores_RN, probabilities_RN, entropy_R if entropy else None)
