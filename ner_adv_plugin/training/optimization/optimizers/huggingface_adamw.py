"""AdamW with the defaults of Hugging Face's former one."""

import torch

from ner_adv_plugin.training.optimization.optimizers.optimizer import (
    NamedParameters,
    Optimizer,
    ParameterGroups,
)
from ner_adv_plugin.training.optimization.optimizers.optimizer import (
    parameter_groups as grouped,
)


@Optimizer.register("huggingface_adamw")
class HuggingfaceAdamWOptimizer(Optimizer, torch.optim.AdamW):
    """`torch.optim.AdamW` with Hugging Face's former defaults, fused.

    Registered as "huggingface_adamw".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, betas, eps, weight_decay : as in torch.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float = 1e-5,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        torch.optim.AdamW.__init__(
            self, grouped(model_parameters, parameter_groups), lr, betas, eps, weight_decay, fused=True
        )
