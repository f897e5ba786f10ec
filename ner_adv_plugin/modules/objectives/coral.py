"""The correlation alignment of domains.

Shape suffixes: M and N sentences of two domains, D size of a sentence's vector.
"""

from torch import Tensor

from ner_adv_plugin.modules.objectives.alignment import Alignment
from ner_adv_plugin.modules.objectives.objective import Objective


@Objective.register("coral")
class Coral(Alignment):
    """||C_1 - C_2||_F^2 / (4 D^2) of the covariances of two domains' pooled states (Deep CORAL, Sun & Saenko 2016),
    mean over all pairs of domains with two sentences or more in a micro-batch.

    Registered as "coral".

    # Parameters

    vocab : supplied.
    dims : supplied.
    reads : towers whose states are put side by side.
    weight : of the loss.
    pooling : of a sentence's states; "max" by default.
    schedule : of a factor of `weight` over training; 1 all along by default.
    """

    fewest_sentences = 2

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """See `Alignment.distance`; 0 or more."""
        difference = one_MD.T.cov() - other_ND.T.cov()
        return difference.square().sum() / (4 * one_MD.shape[1] ** 2)
