"""Adamax."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import NamedParameters, Optimizer, ParameterGroups
from ner_adv_plugin.training.optimization.optimizers.optimizer import parameter_groups as grouped


@Optimizer.register("adamax")
class AdamaxOptimizer(Optimizer, torch.optim.Adamax):
    """`torch.optim.Adamax` (Kingma & Ba 2015, section 7).

    Registered as "adamax".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, betas, eps, weight_decay : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        groups = grouped(model_parameters, parameter_groups)
        torch.optim.Adamax.__init__(self, groups, lr, betas, eps, weight_decay)
