"""One gradient per loss: forward and backward passes of a global batch, loss by loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.statistics import Statistics, add_statistics
from ner_adv_plugin.training.engine import Engine

# By loss, its gradient with respect to each trainable parameter; None if the loss does not depend
# on the parameter.
Gradients = dict[str, list[Tensor | None]]


def loss_gradients(
    engine: Engine,
    batches: Sequence[Batch],
    progress: float,
    parameters: Sequence[Tensor],
    group_of: Callable[[str], str] = str,
) -> tuple[Gradients, Tensor | float, Statistics]:
    """Compute the gradient of each loss of a global batch.

    # Parameters

    engine, batches, progress : see `TrainingStep.run`.
    parameters : the trainable parameters.
    group_of : returns the group of a loss by its name, such as "heads.weibo". The losses of a group
        are summed and take one backward pass. By default each loss is a group.

    # Returns

    Gradients by group, summed over micro-batches; the total loss; the statistics of the passes.

    # Raises

    ConfigurationError : the model returns no separate losses.
    """
    statistics: Statistics = {}
    loss_sum: Tensor | float = 0.0
    gradients: Gradients = {}
    for batch in batches:
        output = engine.forward(batch, progress)
        add_statistics(statistics, output.get("statistics", {}))
        if "loss" not in output:
            continue
        losses = _groups(_losses(output, engine), group_of)
        for name, by_parameter in _gradients(losses, parameters).items():
            before = gradients.get(name, [None] * len(by_parameter))
            gradients[name] = [
                add_gradients(old, new) for old, new in zip(before, by_parameter, strict=True)
            ]
        loss_sum = loss_sum + output["loss"].detach()
    return gradients, loss_sum, statistics


def add_gradients(old: Tensor | None, new: Tensor | None) -> Tensor | None:
    """Add two gradients of a parameter; None is a gradient of zeros."""
    return new if old is None else old if new is None else old + new


def _losses(output: Mapping[str, Any], engine: Engine) -> Mapping[str, Tensor]:
    if "losses" not in output:
        raise ConfigurationError(
            f'{type(engine.model).__name__} returns no separate "losses": use another step',
            "trainer.step",
            absolute=True,
        )
    return {name: loss for name, loss in output["losses"].items() if loss.requires_grad}


def _groups(losses: Mapping[str, Tensor], group_of: Callable[[str], str]) -> dict[str, Tensor]:
    """Sum the losses of each group."""
    groups: dict[str, Tensor] = {}
    for name, loss in losses.items():
        group = group_of(name)
        groups[group] = groups[group] + loss if group in groups else loss
    return groups


def _gradients(losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> Gradients:
    """Compute the gradients of each loss; frees the graph that the losses share."""
    return {
        name: list(
            torch.autograd.grad(
                loss, parameters, retain_graph=number < len(losses), allow_unused=True
            )
        )
        for number, (name, loss) in enumerate(losses.items(), 1)
    }
