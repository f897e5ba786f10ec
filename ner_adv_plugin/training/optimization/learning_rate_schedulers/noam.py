"""The Transformer's schedule."""

import torch
from torch.optim.lr_scheduler import LambdaLR

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("noam")
class Noam(LearningRateScheduler):
    """Rises linearly, then falls with the root of the step (Vaswani et al. 2017, section 5.3).

    Registered as "noam".

    # Parameters

    optimizer : supplied.
    model_size : the rate is scaled by its root.
    warmup_steps : steps that the rise takes.
    factor : scales it all.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, model_size: int, warmup_steps: int, factor: float = 1.0
    ) -> None:
        def scale(step: int) -> float:
            now = max(step, 1)
            return float(factor * model_size**-0.5 * min(now**-0.5, now * warmup_steps**-1.5))

        super().__init__(LambdaLR(optimizer, scale), every_batch=True)
