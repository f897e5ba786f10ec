"""Adagrad."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import NamedParameters, Optimizer, ParameterGroups
from ner_adv_plugin.training.optimization.optimizers.optimizer import parameter_groups as grouped


@Optimizer.register("adagrad")
class AdagradOptimizer(Optimizer, torch.optim.Adagrad):
    """`torch.optim.Adagrad` (Duchi et al. 2011).

    Registered as "adagrad".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, lr_decay, weight_decay, initial_accumulator_value, eps : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        groups = grouped(model_parameters, parameter_groups)
        torch.optim.Adagrad.__init__(self, groups, lr, lr_decay, weight_decay, initial_accumulator_value, eps)
