"""The base of all training steps."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.modules.objectives import Statistics

Forward = Callable[[Batch, float], dict[str, object]]


class TrainingStep(Registrable):
    """Owns the forward and backward of one global batch; the trainer owns the loop around it."""

    default_implementation = "plain"

    def run(
        self, forward: torch.nn.Module, batches: Sequence[Batch], progress: float, backward: Callable[[Tensor], None]
    ) -> Statistics:
        """Add the gradients of a global batch.

        # Parameters

        forward : the model, as the launcher wrapped it; `forward(batch, progress)`.
        batches : the micro-batches, which share their totals.
        progress : share of training steps done, 0 to 1.
        backward : what to call on a loss.

        # Returns

        What to report of the batch, and the `loss` it had.
        """
        raise NotImplementedError


def add_statistics(total: Statistics, more: Statistics) -> None:
    """Add sums and counts to running ones."""
    for name, (value, count) in more.items():
        old_value, old_count = total.get(name, (0.0, 0))
        total[name] = (old_value + value, old_count + count)


def averages(statistics: Statistics) -> dict[str, float]:
    """Sums over counts, as plain numbers."""
    return {name: float(value) / count for name, (value, count) in statistics.items() if count}
