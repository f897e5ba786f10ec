"""Reductions after given numbers of epochs."""

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.entry import entry


@entry("exponential", every_batch=False)
def exponential(optimizer: Optimizer, gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after every epoch.

    Registered as "exponential".

    # Parameters

    optimizer : supplied.
    gamma : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'exponential', gamma: 0.9 }
    ```
    """
    return lr_scheduler.ExponentialLR(optimizer, gamma)


@entry("multi_step", every_batch=False)
def multi_step(optimizer: Optimizer, milestones: list[int], gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after each epoch in `milestones`.

    Registered as "multi_step".

    # Parameters

    optimizer : supplied.
    milestones : numbers of finished epochs, in increasing order.
    gamma : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'multi_step', milestones: [5, 8], gamma: 0.1 }
    ```
    """
    return lr_scheduler.MultiStepLR(optimizer, milestones, gamma)


@entry("step", every_batch=False)
def step(optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after every `step_size` epochs.

    Registered as "step".

    # Parameters

    optimizer : supplied.
    step_size : number of epochs.
    gamma : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'step', step_size: 3, gamma: 0.5 }
    ```
    """
    return lr_scheduler.StepLR(optimizer, step_size, gamma)
