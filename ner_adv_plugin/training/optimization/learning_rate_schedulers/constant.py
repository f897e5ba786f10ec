"""Constant learning rates."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.entry import entry
from ner_adv_plugin.training.optimization.learning_rate_schedulers.warmup import (
    after_warmup,
    warmup_length,
)


@entry("constant", every_batch=True)
def constant(optimizer: Optimizer) -> LRScheduler:
    """Constant learning rate.

    Registered as "constant".

    # Parameters

    optimizer : supplied.

    # Example

    ```jsonnet
    { type: 'constant' }
    ```
    """
    return LambdaLR(optimizer, lambda step: 1.0)


@entry("constant_with_warmup", every_batch=True, only_warmup=True)
def constant_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    num_warmup_steps: int | None = None,
) -> LRScheduler:
    """Linear warm-up from 0, then a constant learning rate.

    Registered as "constant_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    num_warmup_steps : number of warm-up steps; a tenth of all steps if neither key is set.

    # Example

    ```jsonnet
    { type: 'constant_with_warmup', warmup: 0.1 }
    ```
    """
    steps = warmup_length(warmup, num_warmup_steps, num_training_steps)
    return after_warmup(optimizer, steps, num_training_steps, lambda progress: 1.0)
