"""The plain training step."""

from collections.abc import Sequence

from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.statistics import Statistics, add_statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.step import TrainingStep


@TrainingStep.register("plain")
class PlainStep(TrainingStep):
    """One forward and one backward pass per micro-batch.

    Registered as "plain".

    # Example

    ```jsonnet
    { type: 'plain' }
    ```
    """

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """See `TrainingStep.run`."""
        statistics: Statistics = {}
        loss_sum: Tensor | float = 0.0
        for number, batch in enumerate(batches, 1):
            with engine.synchronised(number == len(batches)):
                output = engine.forward(batch, progress)
                add_statistics(statistics, output.get("statistics", {}))
                if "loss" in output:
                    engine.backward(output["loss"])
                    loss_sum = loss_sum + output["loss"].detach()
        return loss_sum, statistics
