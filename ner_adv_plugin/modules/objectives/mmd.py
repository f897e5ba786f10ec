"""The maximum mean discrepancy between domains.

Shape suffixes: M and N sentences of two domains, D size of a sentence's vector.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.alignment import Alignment
from ner_adv_plugin.modules.objectives.objective import Objective
from ner_adv_plugin.modules.pooling import LazyPooling
from ner_adv_plugin.modules.schedules import Schedule


@Objective.register("mmd")
class Mmd(Alignment):
    """The squared maximum mean discrepancy between the pooled states of domains (Gretton et al. 2012, eq. 5) with a
    mixture of Gaussian kernels (Long et al. 2015), mean over all pairs of domains in a micro-batch.

    The mean kernel within one sample, plus that within the other, less twice that between them; a kernel is the mean of
    exp(-d^2 / (b m)) over the bandwidths b, where m is the mean of d^2 over all pairs of sentences, held constant.
    Registered as "mmd".

    # Parameters

    vocab : supplied.
    dims : supplied.
    reads : towers whose states are put side by side.
    weight : of the loss.
    pooling : of a sentence's states; "max" by default.
    bandwidths : of the kernels, in mean squared distances.
    schedule : of a factor of `weight` over training; 1 all along by default.
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
        if not bandwidths or min(bandwidths) <= 0:
            raise ConfigurationError(
                f"expected numbers above 0, found {list(bandwidths)}", "bandwidths"
            )
        self.bandwidths = bandwidths

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """See `Alignment.distance`; 0 or more."""
        sentences = torch.cat([one_MD, other_ND])
        squares = torch.cdist(
            sentences, sentences, compute_mode="donot_use_mm_for_euclid_dist"
        ).square()
        # The mean over pairs of different sentences; equal sentences alone have none, and any width does.
        mean = squares.detach().sum() / (len(sentences) * (len(sentences) - 1))
        mean = mean.clamp(min=torch.finfo(mean.dtype).tiny)
        kernel = torch.stack(
            [torch.exp(-squares / (width * mean)) for width in self.bandwidths]
        ).mean(0)
        m = len(one_MD)
        return kernel[:m, :m].mean() + kernel[m:, m:].mean() - 2 * kernel[:m, m:].mean()
