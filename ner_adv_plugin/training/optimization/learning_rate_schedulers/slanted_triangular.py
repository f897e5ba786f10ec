"""Slanted triangular learning rates."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.entry import entry


@entry("slanted_triangular", every_batch=True)
def slanted_triangular(
    optimizer: Optimizer,
    num_training_steps: int,
    cut_frac: float = 0.1,
    ratio: float = 32,
) -> LRScheduler:
    """Linear increase over a fraction of the steps, then linear decay (Howard & Ruder 2018, eq. 3).

    Registered as "slanted_triangular".

    # Parameters

    optimizer, num_training_steps : supplied.
    cut_frac : fraction of the steps with an increasing learning rate.
    ratio : highest learning rate divided by the lowest.

    # Example

    ```jsonnet
    { type: 'slanted_triangular', cut_frac: 0.1, ratio: 32 }
    ```
    """
    cut = max(1, int(num_training_steps * cut_frac))
    decay_steps = max(1, num_training_steps - cut)

    def scale(step: int) -> float:
        height = step / cut if step < cut else 1 - (step - cut) / decay_steps
        return (1 + max(height, 0.0) * (ratio - 1)) / ratio

    return LambdaLR(optimizer, scale)
