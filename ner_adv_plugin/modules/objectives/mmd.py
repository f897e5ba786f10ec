"""Maximum mean discrepancy between domains.

Shape suffixes: M and N sentences of two domains, D size of a sentence's vector.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.alignment import Alignment
from ner_adv_plugin.modules.objectives.objective import Objective
from ner_adv_plugin.modules.pooling import LazyPooling
from ner_adv_plugin.modules.schedules import Schedule


@Objective.register("mmd")
class Mmd(Alignment):
    """Squared maximum mean discrepancy between the pooled states of domains (Gretton et al. 2012).

    Eq. 5 of the paper: the mean kernel value within one sample, plus that within the other, minus
    twice that between the samples; mean over all pairs of domains in a micro-batch. The kernel is a
    mixture of Gaussians (Long et al. 2015), the mean of exp(-d^2 / (b m)) over the bandwidths b,
    with m the mean of d^2 over all pairs of sentences, detached from the graph.

    Registered as "mmd".

    # Parameters

    vocab : supplied; lists the domains.
    dims : supplied; state size of each tower.
    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss.
    pooling : pooling of the states of a sentence; "max" by default.
    bandwidths : bandwidths of the kernels, in units of the mean squared distance; above 0.
    schedule : factor of `weight` over training; constant 1 by default.

    # Raises

    ConfigurationError : a bandwidth is not above 0, or there are fewer than two domains.

    # Example

    ```jsonnet
    { type: 'mmd', reads: ['shared'], weight: 0.1, bandwidths: [0.5, 1.0, 2.0] }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 1.0,
        pooling: LazyPooling | None = None,
        bandwidths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0),
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(vocab, dims, reads, weight, pooling, schedule)
        _check_bandwidths(bandwidths)
        self.bandwidths = bandwidths

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: bandwidths are above 0."""
        super().check(settings, context)
        _check_bandwidths(settings["bandwidths"])

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """See `Alignment.distance`; 0 or more."""
        vectors = torch.cat([one_MD, other_ND])
        squares = torch.cdist(
            vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist"
        ).square()
        # The mean over pairs of different sentences. It is 0 if all vectors are equal; any
        # bandwidth gives the right result then.
        mean = squares.detach().sum() / (len(vectors) * (len(vectors) - 1))
        mean = mean.clamp(min=torch.finfo(mean.dtype).tiny)

        kernel = torch.stack(
            [torch.exp(-squares / (width * mean)) for width in self.bandwidths]
        ).mean(0)

        m = len(one_MD)
        return kernel[:m, :m].mean() + kernel[m:, m:].mean() - 2 * kernel[:m, m:].mean()


def _check_bandwidths(bandwidths: Sequence[float]) -> None:
    if not bandwidths or min(bandwidths) <= 0:
        raise ConfigurationError(
            f"expected numbers above 0, found {list(bandwidths)}", "bandwidths"
        )
