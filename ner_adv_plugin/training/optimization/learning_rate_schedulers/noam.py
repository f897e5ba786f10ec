"""Inverse square root decay."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.entry import entry


@entry("noam", every_batch=True)
def noam(
    optimizer: Optimizer,
    model_size: int,
    warmup_steps: int,
    factor: float = 1.0,
) -> LRScheduler:
    """Linear warm-up, then inverse square root decay (Vaswani et al. 2017, section 5.3).

    Registered as "noam".

    # Parameters

    optimizer : supplied.
    model_size : size of the model's states; the learning rate is divided by its square root.
    warmup_steps : number of warm-up steps.
    factor : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'noam', model_size: 768, warmup_steps: 1000 }
    ```
    """

    def scale(step: int) -> float:
        step = max(step, 1)
        return float(factor * model_size**-0.5 * min(step**-0.5, step * warmup_steps**-1.5))

    return LambdaLR(optimizer, scale)
