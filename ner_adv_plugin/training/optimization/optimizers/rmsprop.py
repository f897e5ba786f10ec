"""RMSprop."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import NamedParameters, Optimizer, ParameterGroups
from ner_adv_plugin.training.optimization.optimizers.optimizer import parameter_groups as grouped


@Optimizer.register("rmsprop")
class RmsPropOptimizer(Optimizer, torch.optim.RMSprop):
    """`torch.optim.RMSprop`.

    Registered as "rmsprop".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, alpha, eps, weight_decay, momentum, centered : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        groups = grouped(model_parameters, parameter_groups)
        torch.optim.RMSprop.__init__(self, groups, lr, alpha, eps, weight_decay, momentum, centered)
