"""Forward, backward."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.training_step import TrainingStep, add_statistics


@TrainingStep.register("plain")
class PlainStep(TrainingStep):
    """One forward and one backward a micro-batch.

    Registered as "plain".
    """

    def run(
        self, forward: torch.nn.Module, batches: Sequence[Batch], progress: float, backward: Callable[[Tensor], None]
    ) -> Statistics:
        """See `TrainingStep.run`."""
        statistics: Statistics = {}
        loss_sum: Tensor | float = 0.0
        for batch in batches:
            output = forward(batch, progress)
            add_statistics(statistics, output.get("statistics", {}))
            if "loss" in output:
                backward(output["loss"])
                loss_sum = loss_sum + output["loss"].detach()
        statistics["loss"] = (loss_sum, 1)
        return statistics
