"""Resource-balanced focal loss (DATNet).

Shape suffixes: B sentences, K classes.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.modules.discriminator_losses.discriminator_loss import DiscriminatorLoss


@DiscriminatorLoss.register("grad")
class Grad(DiscriminatorLoss):
    """Generalised resource-adversarial discriminator loss (DATNet, Zhou et al. 2019).

    -alpha_k (1 - p_k)^gamma log p_k for the gold class k, generalised from two classes to any
    number. Small classes and sentences that the discriminator is unsure of weigh more.

    Registered as "grad".

    # Parameters

    sizes : supplied; number of training sentences of each class.
    gamma : focusing exponent, 0 or more: the larger, the less a confidently classified sentence
        counts; 0 disables focusing.
    alpha : factor of each class; by default proportional to 1 / its number of training sentences,
        with a sum of 1.

    # Raises

    ConfigurationError : gamma or a factor is negative, or `alpha` misses a class or names an
        unknown one.

    # Example

    ```jsonnet
    { type: 'grad', gamma: 2.0 }
    ```
    """

    alpha_K: Tensor

    def __init__(
        self, sizes: Mapping[str, int], gamma: float = 2.0, alpha: dict[str, float] | None = None
    ) -> None:
        super().__init__(sizes)
        self.gamma = at_least(0, gamma, "gamma")
        if alpha is not None:
            check_alpha(alpha, sizes)
        factors = _balanced(sizes) if alpha is None else alpha
        self.register_buffer(
            "alpha_K", torch.tensor([factors[name] for name in sizes]), persistent=False
        )

    def forward(self, logits_BK: Tensor, class_B: Tensor) -> Tensor:
        """See `DiscriminatorLoss.forward`."""
        log_p_B = logits_BK.log_softmax(-1).gather(1, class_B[:, None])[:, 0]
        # expm1 avoids cancellation in 1 - p. The clamp keeps it above 0, at which the derivative of
        # a power with gamma < 1 is infinite.
        other_p_B = (-torch.expm1(log_p_B)).clamp(min=torch.finfo(log_p_B.dtype).tiny)
        return -self.alpha_K[class_B] * other_p_B**self.gamma * log_p_B


def _balanced(sizes: Mapping[str, int]) -> dict[str, float]:
    """Return 1 / sentences of each class, scaled to a sum of 1.

    A class without sentences has a factor of 0, unless no class has any sentences.
    """
    inverse = {name: 1.0 / sentences if sentences else 0.0 for name, sentences in sizes.items()}
    total = sum(inverse.values())
    return {name: value / total if total else 1.0 / len(sizes) for name, value in inverse.items()}


def check_alpha(alpha: Mapping[str, float], classes: Collection[str]) -> None:
    """Check that `alpha` has a factor for each class.

    # Parameters

    alpha : factors by class.
    classes : names of the classes.

    # Raises

    ConfigurationError : a class is missing or unknown, or a factor is negative.
    """
    for name, value in alpha.items():
        if name not in classes:
            raise ConfigurationError(
                f"unknown class.{nearest(name, classes)} Classes: {', '.join(classes)}.",
                f"alpha.{name}",
            )
        at_least(0, value, f"alpha.{name}")
    for name in classes:
        if name not in alpha:
            raise ConfigurationError("missing key, required here: a number", f"alpha.{name}")
