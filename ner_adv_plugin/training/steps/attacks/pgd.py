"""Several moves along the gradient."""

from ner_adv_plugin.training.steps.attacks.attack import Attack, Norm


@Attack.register("pgd")
class ProjectedGradientDescent(Attack):
    """Several moves along the gradient, each followed by the projection to the ball (Madry et al. 2018).

    It begins without a perturbation, so that the clean pass gives the first gradient.
    Registered as "pgd".

    # Parameters

    epsilon, norm, steps : see `Attack`.
    step_size : norm of a move; 2.5 epsilon / steps where null.
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        norm: Norm = "l2",
        steps: int = 3,
        step_size: float | None = None,
    ) -> None:
        super().__init__(
            epsilon, norm, steps, 2.5 * epsilon / steps if step_size is None else step_size
        )
