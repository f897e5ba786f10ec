"""Projected gradient descent."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.training.steps.attacks.attack import Attack, Norm


@Attack.register("pgd")
class ProjectedGradientDescent(Attack):
    """Perturb embeddings by several gradient steps, each projected onto the ball.

    Registered as "pgd" (Madry et al. 2018). The initial perturbation is zero, so that the clean
    pass gives the first gradient.

    # Parameters

    epsilon, norm, steps, relative : see `Attack`.
    step_size : norm of one step; null for 2.5 epsilon / steps.

    # Example

    ```jsonnet
    { type: 'pgd', epsilon: 1.0, steps: 3 }
    ```
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        norm: Norm = "l2",
        steps: int = 3,
        step_size: float | None = None,
        relative: bool = False,
    ) -> None:
        super().__init__(
            epsilon,
            norm,
            steps,
            2.5 * epsilon / steps if step_size is None else step_size,
            relative,
        )

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"step_size": 2.5 * settings["epsilon"] / settings["steps"]}
