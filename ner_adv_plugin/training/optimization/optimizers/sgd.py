"""Stochastic gradient descent."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import (
    NamedParameters,
    Optimizer,
    ParameterGroups,
)
from ner_adv_plugin.training.optimization.optimizers.optimizer import (
    parameter_groups as grouped,
)


@Optimizer.register("sgd")
class SgdOptimizer(Optimizer, torch.optim.SGD):
    """`torch.optim.SGD`.

    Registered as "sgd".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, momentum, dampening, weight_decay, nesterov : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        torch.optim.SGD.__init__(
            self, grouped(model_parameters, parameter_groups), lr, momentum, dampening, weight_decay, nesterov
        )
