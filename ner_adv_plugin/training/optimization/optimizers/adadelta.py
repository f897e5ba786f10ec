"""Adadelta."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import NamedParameters, Optimizer, ParameterGroups
from ner_adv_plugin.training.optimization.optimizers.optimizer import parameter_groups as grouped


@Optimizer.register("adadelta")
class AdadeltaOptimizer(Optimizer, torch.optim.Adadelta):
    """`torch.optim.Adadelta` (Zeiler 2012).

    Registered as "adadelta".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, rho, eps, weight_decay : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        groups = grouped(model_parameters, parameter_groups)
        torch.optim.Adadelta.__init__(self, groups, lr, rho, eps, weight_decay)
