"""The resource-balanced focal loss of DATNet.

Shape suffixes: B sentences, K classes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.modules.discriminator_losses.discriminator_loss import DiscriminatorLoss


@DiscriminatorLoss.register("grad")
class Grad(DiscriminatorLoss):
    """-alpha_k (1 - p_k)^gamma log p_k of the right class k: the generalised resource-adversarial loss (DATNet, Zhou et
    al. 2019), for any number of classes instead of two.

    Small classes count more, and so do sentences that the discriminator is unsure of.
    Registered as "grad".

    # Parameters

    sizes : supplied.
    gamma : how much less a sentence counts that the discriminator is sure of; 0 for not at all.
    alpha : for every class its factor; by default 1 / its training sentences, scaled to a sum of 1.
    """

    alpha_K: Tensor

    def __init__(
        self, sizes: Mapping[str, int], gamma: float = 2.0, alpha: dict[str, float] | None = None
    ) -> None:
        super().__init__(sizes)
        if gamma < 0:
            raise ConfigurationError(f"expected 0 or more, found {gamma}", "gamma")
        self.gamma = gamma
        factors = _balanced(sizes) if alpha is None else _checked(alpha, sizes)
        self.register_buffer(
            "alpha_K", torch.tensor([factors[name] for name in sizes]), persistent=False
        )

    def forward(self, logits_BK: Tensor, class_B: Tensor) -> Tensor:
        """See `DiscriminatorLoss.forward`."""
        log_p_B = logits_BK.log_softmax(-1).gather(1, class_B[:, None])[:, 0]
        # 1 - p without cancellation, and above 0: below gamma 1 the slope of a power is infinite at 0.
        doubt_B = (-torch.expm1(log_p_B)).clamp(min=torch.finfo(log_p_B.dtype).tiny)
        return -self.alpha_K[class_B] * doubt_B**self.gamma * log_p_B


def _balanced(sizes: Mapping[str, int]) -> dict[str, float]:
    """1 / sentences, scaled to a sum of 1; a class without sentences has no say, unless none has any."""
    inverse = {name: 1.0 / sentences if sentences else 0.0 for name, sentences in sizes.items()}
    total = sum(inverse.values())
    return {name: value / total if total else 1.0 / len(sizes) for name, value in inverse.items()}


def _checked(alpha: Mapping[str, float], sizes: Mapping[str, int]) -> Mapping[str, float]:
    for name, value in alpha.items():
        if name not in sizes:
            raise ConfigurationError(
                f"nothing is named so.{nearest(name, sizes)} Known: {', '.join(sizes)}.",
                f"alpha.{name}",
            )
        if value < 0:
            raise ConfigurationError(f"expected 0 or more, found {value}", f"alpha.{name}")
    for name in sizes:
        if name not in alpha:
            raise ConfigurationError("missing key, required here: a number", f"alpha.{name}")
    return alpha
