"""Training step that aggregates the gradients of several losses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.aggregation import Aggregation
from ner_adv_plugin.training.steps.loss_gradients import (
    Gradients,
    add_gradients,
    loss_gradients,
)
from ner_adv_plugin.training.steps.step import TrainingStep


@TrainingStep.register("aggregated")
class AggregatedStep(TrainingStep):
    """Compute one gradient per loss and combine them with an aggregator of torchjd.

    Registered as "aggregated". The losses are the weighted losses of heads and objectives. Among
    the aggregators are "pcgrad" (Yu et al. 2020), "upgrad" (Quinton & Rey 2024) and "mgda" (Sener &
    Koltun 2018); "sum" is equivalent to the plain step.

    Parameters on which more than one loss of a step depends are shared. The aggregator receives a
    matrix with one row per loss, its gradient with respect to all shared parameters, summed over
    micro-batches; rows of zeros are left out. A parameter on which one loss depends gets the
    gradient of that loss. A batch takes one backward pass per loss. The step needs the whole batch
    on one process and does not support "fp16".

    "gradvac", "excessmtl" and "pcd" keep a state for each loss, which is saved in checkpoints:
    every step must have all losses, and rows of zeros are kept. "nashmtl" is rejected, since
    torchjd has no way to save its state.

    # Parameters

    aggregator : class name of an aggregator of torchjd, in lower case.
    settings : constructor arguments of the aggregator. A vector is an object with one number per
        loss, by name: `heads.<head>` or `objectives.<index>`. "pcd" also needs `primary`, the name
        of its primary loss.

    # Example

    ```jsonnet
    { type: 'aggregated', aggregator: 'pcgrad' }
    ```
    """

    adds_up = False
    scales = False

    def __init__(self, aggregator: str = "upgrad", settings: dict[str, Any] | None = None) -> None:
        self.aggregation = Aggregation(aggregator, settings or {})

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the aggregator exists and accepts its settings."""
        super().check(settings, context)
        Aggregation(settings["aggregator"], settings["settings"] or {})

    def attach(self, model: Model) -> None:
        """See `TrainingStep.attach`: some losses share trainable parameters.

        # Raises

        ConfigurationError : no two losses do.
        """
        losses = model.trainable_by_loss()
        counts = Counter(name for names in losses.values() for name in names)
        if len(losses) > 1 and max(counts.values(), default=0) < 2:
            raise ConfigurationError(
                f"the losses ({', '.join(losses)}) have no trainable parameter in common, so that"
                " there is nothing to aggregate: expected a shared tower, or an encoder that is"
                " not frozen"
            )

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """See `TrainingStep.run`."""
        parameters = [
            parameter for parameter in engine.model.parameters() if parameter.requires_grad
        ]
        gradients, loss_sum, statistics = loss_gradients(engine, batches, progress, parameters)
        self._assign(parameters, gradients)
        return loss_sum, statistics

    def _assign(self, parameters: Sequence[Tensor], gradients: Gradients) -> None:
        """Aggregate per-loss gradients and add the result to the parameters' `grad`."""
        self.aggregation.check_losses([*gradients])

        shared = []
        for index, parameter in enumerate(parameters):
            present = [own[index] for own in gradients.values() if own[index] is not None]
            if len(present) > 1:
                shared.append(index)
            elif present:
                parameter.grad = add_gradients(parameter.grad, present[0])
        if not shared:
            return

        aggregated = self.aggregation(
            {name: _flat(own, parameters, shared) for name, own in gradients.items()}
        )
        chunks = aggregated.split([parameters[index].numel() for index in shared])
        for index, chunk in zip(shared, chunks, strict=True):
            parameters[index].grad = add_gradients(
                parameters[index].grad, chunk.view_as(parameters[index])
            )

    def state_dict(self) -> dict[str, Any]:
        """See `TrainingStep.state_dict`."""
        return self.aggregation.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """See `TrainingStep.load_state_dict`."""
        self.aggregation.load_state_dict(state_dict)


def _flat(
    gradients: Sequence[Tensor | None], parameters: Sequence[Tensor], shared: Sequence[int]
) -> Tensor:
    """Concatenate the gradients of the shared parameters, zeros for missing ones."""
    pairs = ((gradients[index], parameters[index]) for index in shared)
    return torch.cat(
        [torch.zeros_like(p).flatten() if g is None else g.flatten() for g, p in pairs]
    )
