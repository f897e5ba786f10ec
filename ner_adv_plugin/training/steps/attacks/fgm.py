"""One move along the gradient."""

from ner_adv_plugin.training.steps.attacks.attack import Attack, Norm


@Attack.register("fgm")
class FastGradientMethod(Attack):
    """One move along the gradient g to the border of the ball (Miyato et al. 2017; Goodfellow et al. 2015).

    epsilon g / ||g|| for "l2", epsilon sign(g) for "linf".
    Registered as "fgm".

    # Parameters

    epsilon, norm : see `Attack`.
    """

    def __init__(self, epsilon: float = 1.0, norm: Norm = "l2") -> None:
        super().__init__(epsilon, norm, steps=1, step_size=epsilon)
