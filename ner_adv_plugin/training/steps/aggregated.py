"""Several losses, each with a gradient of its own, that are made into one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.aggregation import Aggregation
from ner_adv_plugin.training.steps.step import TrainingStep, add_statistics

# Of every loss, by name, its gradient of every trainable parameter, None where it does not reach it.
Gradients = dict[str, list[Tensor | None]]


@TrainingStep.register("aggregated")
class AggregatedStep(TrainingStep):
    """The losses of heads and of objectives, weighted, have gradients of their own, which an aggregator of torchjd's
    makes into one wherever they meet (Yu et al. 2020, "pcgrad"; Quinton & Rey 2024, "upgrad"; Sener & Koltun 2018,
    "mgda").

    Parameters that more than one loss of a step reaches are shared: the aggregator sees one sentence a loss over all of
    them, gradients of all micro-batches added up, sentences of zeros left out. What one loss alone reaches has its
    gradient. "sum" is the plain step. A batch costs one backward a loss. Needs the whole batch on one process, and a
    precision other than "fp16".

    "gradvac", "excessmtl" and "pcd" keep a state of every loss, which checkpoints hold: every step must have all
    losses, and sentences of zeros stay. "nashmtl", whose state torchjd gives no way to save, is refused.
    Registered as "aggregated".

    # Parameters

    aggregator : any of torchjd's, in small letters, such as "pcgrad", "upgrad", "mgda", "cagrad" or "gradvac".
    settings : of the aggregator, as torchjd calls them; a vector is an object of numbers by the names of losses,
        `heads.<head>` and `objectives.<index>`. "pcd" needs `primary`, the name of the loss that comes first.
    """

    adds_up = False
    scales = False

    def __init__(self, aggregator: str = "upgrad", settings: dict[str, Any] | None = None) -> None:
        self.aggregation = Aggregation(aggregator, settings or {})

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the aggregator and its settings."""
        super().check(settings, context)
        Aggregation(settings["aggregator"], settings["settings"] or {})

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """See `TrainingStep.run`."""
        parameters = [
            parameter for parameter in engine.model.parameters() if parameter.requires_grad
        ]
        statistics: Statistics = {}
        loss_sum: Tensor | float = 0.0
        gradients: Gradients = {}
        for batch in batches:
            output = engine.forward(batch, progress)
            add_statistics(statistics, output.get("statistics", {}))
            if "loss" in output:
                for name, sentences in _gradients(_losses(output, engine), parameters).items():
                    before = gradients.get(name, [None] * len(sentences))
                    gradients[name] = [
                        _sum(old, new) for old, new in zip(before, sentences, strict=True)
                    ]
                loss_sum = loss_sum + output["loss"].detach()
        self._assign(parameters, gradients)
        return loss_sum, statistics

    def _assign(self, parameters: Sequence[Tensor], gradients: Gradients) -> None:
        """Add to the gradients of parameters what losses' own gradients make together."""
        self.aggregation.expect([*gradients])
        shared = []
        for index, parameter in enumerate(parameters):
            reached = [
                sentence[index] for sentence in gradients.values() if sentence[index] is not None
            ]
            if len(reached) > 1:
                shared.append(index)
            elif reached:
                parameter.grad = _sum(parameter.grad, reached[0])
        if not shared:
            return
        whole = self.aggregation(
            {name: _flat(sentence, parameters, shared) for name, sentence in gradients.items()}
        )
        parts = whole.split([parameters[index].numel() for index in shared])
        for index, part in zip(shared, parts, strict=True):
            parameters[index].grad = _sum(parameters[index].grad, part.view_as(parameters[index]))

    def state_dict(self) -> dict[str, Any]:
        """See `TrainingStep.state_dict`."""
        return self.aggregation.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """See `TrainingStep.load_state_dict`."""
        self.aggregation.load_state_dict(state_dict)


def _losses(output: Mapping[str, Any], engine: Engine) -> Mapping[str, Tensor]:
    if "losses" not in output:
        raise ConfigurationError(
            f'{type(engine.model).__name__} gives no "losses" apart: expected another step',
            "trainer.step",
            absolute=True,
        )
    return {name: loss for name, loss in output["losses"].items() if loss.requires_grad}


def _gradients(losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> Gradients:
    """Every loss's own gradients; the graph that they share is gone afterwards."""
    return {
        name: list(
            torch.autograd.grad(
                loss, parameters, retain_graph=number < len(losses), allow_unused=True
            )
        )
        for number, (name, loss) in enumerate(losses.items(), 1)
    }


def _sum(old: Tensor | None, new: Tensor | None) -> Tensor | None:
    return new if old is None else old if new is None else old + new


def _flat(
    sentence: Sequence[Tensor | None], parameters: Sequence[Tensor], shared: Sequence[int]
) -> Tensor:
    """The gradients of some parameters one after the other, zeros where there are none."""
    parts = ((sentence[index], parameters[index]) for index in shared)
    return torch.cat(
        [torch.zeros_like(p).flatten() if g is None else g.flatten() for g, p in parts]
    )
