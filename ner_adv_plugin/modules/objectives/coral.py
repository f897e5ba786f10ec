"""Correlation alignment of domains (CORAL).

Shape suffixes: M and N sentences of two domains, D size of a sentence's vector.
"""

from torch import Tensor

from ner_adv_plugin.modules.objectives.alignment import Alignment
from ner_adv_plugin.modules.objectives.objective import Objective


@Objective.register("coral")
class Coral(Alignment):
    """Distance between the covariances of two domains' pooled states (Sun & Saenko 2016).

    The loss of Deep CORAL, ||C_1 - C_2||_F^2 / (4 D^2); mean over all pairs of domains that have at
    least two sentences in the micro-batch.

    Registered as "coral".

    # Parameters

    vocab : supplied; lists the domains.
    dims : supplied; state size of each tower.
    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss.
    pooling : pooling of the states of a sentence; "max" by default.
    schedule : factor of `weight` over training; constant 1 by default.

    # Example

    ```jsonnet
    { type: 'coral', reads: ['shared'], weight: 1.0, pooling: { type: 'mean' } }
    ```
    """

    min_sentences = 2

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """See `Alignment.distance`; 0 or more."""
        difference = _covariance(one_MD) - _covariance(other_ND)
        return difference.square().sum() / (4 * one_MD.shape[1] ** 2)


def _covariance(vectors_MD: Tensor) -> Tensor:
    """Compute the covariance matrix of vectors, (D, D); `torch.cov` waits for the GPU."""
    centred_MD = vectors_MD - vectors_MD.mean(0)
    return centred_MD.T @ centred_MD / (len(vectors_MD) - 1)
