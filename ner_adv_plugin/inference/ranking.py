"""The best tag paths of whole datasets, and how sure a model is of them.

Shape suffixes of arrays: R rows, N paths, C characters of all rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.crf import NBest

Floats = NDArray[np.float64]


@dataclass
class RankedPaths:
    """The best paths of every row, best first; an empty row has one.

    # Parameters

    tags_NC : tags of all rows in file order, flat like those of `EncodedRows`; 0 where a row has fewer paths.
    scores_RN : -inf where a row has fewer paths.
    probabilities_RN : 0 where a row has fewer paths.
    entropy_R : of the distribution over all paths, in nats; None where it was not asked for.
    """

    tags_NC: NDArray[np.int16]
    scores_RN: Floats
    probabilities_RN: Floats
    entropy_R: Floats | None

    def margin(self) -> Floats:
        """How much more probable the best path is than the second, `(R,)`, 0 to 1; 1 where there is but one.

        (Scheffer, Decomain and Wrobel 2001, "Active hidden Markov models for information extraction", there a
        character; here for whole paths.)
        """
        margin_R = self.probabilities_RN[:, 0] - self.probabilities_RN[:, 1]
        return np.where(self._single(), 1.0, np.clip(margin_R, 0.0, 1.0))

    def ratio(self) -> Floats:
        """Share of the best path's score by which it exceeds the second's, `(R,)`; 1 where there is but one.

        (y_max - y_2nd) / y_max of He and Sun 2017, "A unified model for cross-domain and semi-supervised named entity
        recognition in Chinese social media", cut to 0 to 1. A CRF's scores may all be shifted without another
        meaning, and where the best is not above 0 this is 0: `margin` has no such trouble.
        """
        best_R, second_R = self.scores_RN[:, 0], self.scores_RN[:, 1]
        excess_R = best_R - np.where(self._single(), 0.0, second_R)
        share_R = np.divide(excess_R, best_R, out=np.zeros_like(best_R), where=best_R > 0)
        return np.where(self._single(), 1.0, np.clip(share_R, 0.0, 1.0))

    def _single(self) -> NDArray[np.bool_]:
        return np.isneginf(self.scores_RN[:, 1])


def rank_paths(
    model: Model,
    rows: EncodedRows,
    head: str,
    n: int,
    batch_size: int = 64,
    description: str = "predicting",
    entropy: bool = False,
) -> RankedPaths:
    """The `n` best tag paths of every row by one head; the model is left in the mode it was in.

    Where there are several processes each ranks those of its share, and all get the whole.
    """
    tags_NC: NDArray[np.int16] = np.zeros((n, int(rows.offsets[-1])), dtype=np.int16)
    scores_RN, probabilities_RN = np.zeros((len(rows), n)), np.zeros((len(rows), n))
    entropy_R = np.zeros(len(rows))

    def ask(batch: Batch) -> tuple[NBest, Tensor | None]:
        distribution = model.distribution(batch.without_tags(), head)
        return distribution.n_best(n), distribution.entropy() if entropy else None

    for batch, (best, entropy_B) in infer(model, rows, ask, batch_size, description):
        tags_BNL = best.tags_BNL.cpu().numpy()
        for i, (row, length) in enumerate(zip(batch.row_ids, batch.lengths, strict=True)):
            tags_NC[:, rows.offsets[row] : rows.offsets[row] + length] = tags_BNL[i, :, :length]
        scores_RN[batch.row_ids] = best.scores_BN.double().cpu().numpy()
        probabilities_RN[batch.row_ids] = best.probabilities_BN.double().cpu().numpy()
        if entropy_B is not None:
            entropy_R[batch.row_ids] = entropy_B.double().cpu().numpy()
    # A row that another process ranked is 0 here.
    tags_NC = np.sum(gather(tags_NC), axis=0, dtype=tags_NC.dtype)
    scores_RN, probabilities_RN, entropy_R = (
        np.sum(gather(own), axis=0) for own in (scores_RN, probabilities_RN, entropy_R)
    )
    # Empty rows are in no batch.
    scores_RN[rows.lengths == 0, 1:] = -np.inf
    probabilities_RN[rows.lengths == 0, 0] = 1.0
    return RankedPaths(tags_NC, scores_RN, probabilities_RN, entropy_R if entropy else None)
