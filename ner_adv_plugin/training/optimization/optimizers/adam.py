"""Adam."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import (
    NamedParameters,
    Optimizer,
    ParameterGroups,
)
from ner_adv_plugin.training.optimization.optimizers.optimizer import (
    parameter_groups as grouped,
)


@Optimizer.register("adam")
class AdamOptimizer(Optimizer, torch.optim.Adam):
    """`torch.optim.Adam` (Kingma & Ba 2015), fused.

    Registered as "adam".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, betas, eps, weight_decay, amsgrad : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        torch.optim.Adam.__init__(
            self, grouped(model_parameters, parameter_groups), lr, betas, eps, weight_decay, amsgrad, fused=not amsgrad
        )
