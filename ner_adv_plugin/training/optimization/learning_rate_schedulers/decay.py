"""Decay over the whole run, after a warm-up."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.entry import entry
from ner_adv_plugin.training.optimization.learning_rate_schedulers.warmup import (
    after_warmup,
    warmup_length,
)


@entry("cosine_with_warmup", every_batch=True)
def cosine_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    num_warmup_steps: int | None = None,
    num_cycles: float = 0.5,
) -> LRScheduler:
    """Linear warm-up from 0, then cosine decay.

    Registered as "cosine_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    num_warmup_steps : number of warm-up steps; a tenth of all steps if neither key is set.
    num_cycles : periods of the cosine; 0.5 decays to 0 at the last step.

    # Example

    ```jsonnet
    { type: 'cosine_with_warmup', warmup: 0.1 }
    ```
    """
    steps = warmup_length(warmup, num_warmup_steps, num_training_steps)

    def scale(progress: float) -> float:
        return 0.5 * (1.0 + math.cos(2 * math.pi * num_cycles * progress))

    return after_warmup(optimizer, steps, num_training_steps, scale)


@entry("linear_with_warmup", every_batch=True)
def linear_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    warmup_steps: int | None = None,
) -> LRScheduler:
    """Linear warm-up from 0, then linear decay to 0 at the last step.

    Registered as "linear_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    warmup_steps : number of warm-up steps; a tenth of all steps if neither key is set.

    # Example

    ```jsonnet
    { type: 'linear_with_warmup', warmup: 0.1 }
    ```
    """
    steps = warmup_length(warmup, warmup_steps, num_training_steps)
    return after_warmup(optimizer, steps, num_training_steps, lambda progress: 1.0 - progress)


@entry("polynomial_decay", every_batch=True)
def polynomial_decay(
    optimizer: Optimizer,
    num_training_steps: int,
    power: float = 1.0,
    warmup: float | None = None,
    warmup_steps: int | None = None,
    end_learning_rate: float = 0.0,
) -> LRScheduler:
    """Linear warm-up from 0, then polynomial decay to `end_learning_rate` at the last step.

    Registered as "polynomial_decay".

    # Parameters

    optimizer, num_training_steps : supplied.
    power : exponent of the remaining fraction of the steps.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    warmup_steps : number of warm-up steps; 0 if neither key is set.
    end_learning_rate : learning rate at the last step.

    # Example

    ```jsonnet
    { type: 'polynomial_decay', power: 2.0, warmup: 500 }
    ```
    """
    steps = warmup_length(warmup, warmup_steps, num_training_steps, default=0.0)
    highest = optimizer.defaults["lr"]

    def scale(progress: float) -> float:
        decayed = (highest - end_learning_rate) * (1.0 - min(progress, 1.0)) ** power
        return float((decayed + end_learning_rate) / highest)

    return after_warmup(optimizer, steps, num_training_steps, scale)
