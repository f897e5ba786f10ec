"""Reductions when the validation metric stops improving."""

from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ner_adv_plugin.training.optimization.learning_rate_schedulers.entry import entry


@entry("reduce_on_plateau", every_batch=False)
def reduce_on_plateau(
    optimizer: Optimizer,
    mode: Literal["min", "max"] = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold_mode: Literal["rel", "abs"] = "rel",
    threshold: float = 1e-4,
    cooldown: int = 0,
    min_lr: float | list[float] = 0.0,
    eps: float = 1e-8,
) -> LRScheduler:
    """Multiply the learning rate by `factor` when the validation metric stops improving.

    Registered as "reduce_on_plateau".

    # Parameters

    optimizer : supplied.
    mode : "max" if a higher metric is better, "min" if a lower one is; it must agree with the sign
        of `validation_metric`.
    factor : factor on the learning rate.
    patience : epochs without improvement before the learning rate is reduced.
    threshold_mode : whether `threshold` is relative to the best value ("rel") or absolute ("abs").
    threshold : smallest change that counts as an improvement.
    cooldown : epochs after a reduction before `patience` counts again.
    min_lr : lower bound of the learning rate; one for all parameter groups, or one for each.
    eps : minimum change of the learning rate; smaller reductions are skipped.

    # Example

    ```jsonnet
    { type: 'reduce_on_plateau', mode: 'max', factor: 0.5, patience: 2 }
    ```
    """
    return ReduceLROnPlateau(
        optimizer,
        mode=mode,
        factor=factor,
        patience=patience,
        threshold=threshold,
        threshold_mode=threshold_mode,
        cooldown=cooldown,
        min_lr=min_lr,
        eps=eps,
    )
