"""Adafactor of transformers."""

import transformers

from ner_adv_plugin.training.optimization.optimizers.optimizer import NamedParameters, Optimizer, ParameterGroups
from ner_adv_plugin.training.optimization.optimizers.optimizer import parameter_groups as grouped


@Optimizer.register("huggingface_adafactor")
class HuggingfaceAdafactorOptimizer(Optimizer, transformers.Adafactor):
    """`transformers.Adafactor` (Shazeer & Stern 2018).

    Registered as "huggingface_adafactor".

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : settings of parameters whose names match regular expressions.
    lr, eps, clip_threshold, decay_rate, beta1, weight_decay, scale_parameter, relative_step, warmup_init : as in
        transformers.
    """

    def __init__(
        self,
        model_parameters: NamedParameters,
        parameter_groups: ParameterGroups | None = None,
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
    ) -> None:
        transformers.Adafactor.__init__(
            self,
            grouped(model_parameters, parameter_groups),
            lr,
            eps,
            clip_threshold,
            decay_rate,
            beta1,
            weight_decay,
            scale_parameter,
            relative_step,
            warmup_init,
        )
