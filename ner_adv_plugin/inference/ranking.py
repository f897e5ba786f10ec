"""The most probable readings of whole datasets, and how sure a model is of them.

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

    # Parameters

    spans : for each sentence its readings.
    scores_RN : -inf if a sentence has fewer readings.
    probabilities_RN : 0 if a sentence has fewer readings.
    entropy_R : of the distribution over all readings, in nats; None if nobody asked for it.
    """

    spans: list[list[list[ScoredSpan]]]
    scores_RN: Floats
    probabilities_RN: Floats
    entropy_R: Floats | None

    def margin(self) -> Floats:
        """How much more probable the best reading is than the second, `(R,)`, 0 to 1; 1 if there is but one.

        (Scheffer, Decomain and Wrobel 2001, "Active hidden Markov models for information extraction", there a
        character; here for whole readings.)
        """
        margin_R = self.probabilities_RN[:, 0] - self.probabilities_RN[:, 1]
        return np.where(self._single(), 1.0, np.clip(margin_R, 0.0, 1.0))

    def ratio(self) -> Floats:
        """Share of the best reading's score by which it exceeds the second's, `(R,)`; 1 if there is but one.

        (y_max - y_2nd) / y_max of He and Sun 2017, "A unified model for cross-domain and semi-supervised named entity
        recognition in Chinese social media", cut to 0 to 1. A CRF's scores may all be shifted without another
        meaning, and if the best is not above 0 this is 0: `margin` has no such trouble.
        """
        best_R, second_R = self.scores_RN[:, 0], self.scores_RN[:, 1]
        excess_R = best_R - np.where(self._single(), 0.0, second_R)
        share_R = np.divide(excess_R, best_R, out=np.zeros_like(best_R), where=best_R > 0)
        return np.where(self._single(), 1.0, np.clip(share_R, 0.0, 1.0))

    def _single(self) -> NDArray[np.bool_]:
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
    """The `n` best readings of every sentence by one head; the model's mode is left as it was.

    With several processes each ranks those of its share, and all get the whole. `UserError` if the head cannot rank.
    """
    spans: dict[int, list[list[ScoredSpan]]] = {}
    scores_RN, probabilities_RN = np.zeros((len(dataset), n)), np.zeros((len(dataset), n))
    entropy_R = np.zeros(len(dataset))

    def ask(batch: Batch) -> Readings:
        return model.rank(batch.unlabelled(), head, n, entropy)

    for batch, best in infer(model, dataset, ask, batch_size, description):
        spans.update(zip(batch.sentence_ids, best.spans, strict=True))
        scores_RN[batch.sentence_ids] = best.scores_BN.double().cpu().numpy()
        probabilities_RN[batch.sentence_ids] = best.probabilities_BN.double().cpu().numpy()
        if best.entropy_B is not None:
            entropy_R[batch.sentence_ids] = best.entropy_B.double().cpu().numpy()

    # A sentence that another process ranked is missing, or 0, here.
    everything: dict[int, list[list[ScoredSpan]]] = {}
    for part in gather(spans):
        everything.update(part)
    scores_RN, probabilities_RN, entropy_R = (
        np.sum(gather(own), axis=0) for own in (scores_RN, probabilities_RN, entropy_R)
    )
    # Empty sentences are in no batch.
    scores_RN[dataset.lengths == 0, 1:] = -np.inf
    probabilities_RN[dataset.lengths == 0, 0] = 1.0
    in_order = [everything.get(sentence, [[]]) for sentence in range(len(dataset))]
    return RankedReadings(in_order, scores_RN, probabilities_RN, entropy_R if entropy else None)
