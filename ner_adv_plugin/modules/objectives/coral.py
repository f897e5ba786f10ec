"""The correlation alignment of domains.

Shape suffixes: M and N rows of two domains, D size of a row's vector.
"""

from collections.abc import Mapping

from torch import Tensor

from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.alignment import Alignment
from ner_adv_plugin.modules.objectives.objective import Objective
from ner_adv_plugin.modules.pooling import LazyPooling
from ner_adv_plugin.modules.schedules import Schedule


@Objective.register("coral")
class Coral(Alignment):
    """||C_1 - C_2||_F^2 / (4 D^2) of the covariances of two domains' pooled states (Deep CORAL, Sun & Saenko 2016),
    mean over all pairs of domains with two rows or more in a micro-batch.

    Registered as "coral".

    # Parameters

    vocab : supplied.
    dims : supplied.
    reads : towers whose states are put side by side.
    weight : of the loss.
    pooling : of a row's states; "max" by default.
    schedule : of a factor of `weight` over training; 1 all along by default.
    """

    fewest_rows = 2

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 1.0,
        pooling: LazyPooling | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(vocab, dims, reads, weight, pooling, schedule)

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """See `Alignment.distance`; 0 or more."""
        difference = one_MD.T.cov() - other_ND.T.cov()
        return difference.square().sum() / (4 * one_MD.shape[1] ** 2)
