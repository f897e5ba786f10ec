"""Clipping of gradients."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from ner_adv_plugin.modules.statistics import Statistics


def clip_gradients(
    groups: Iterable[Mapping[str, Any]], norm: float | None, value: float | None
) -> Statistics:
    """Clip the gradient of an optimizer's parameters, in place.

    # Parameters

    groups : parameter groups of the optimizer.
    norm : maximum norm of the gradient; None for no limit.
    value : maximum absolute value of its entries; None for no limit.

    # Returns

    "gradient_norm", the norm before clipping, if norms are limited.
    """
    parameters = [parameter for group in groups for parameter in group["params"]]
    statistics: Statistics = {}
    if norm is not None:
        statistics["gradient_norm"] = (clip_grad_norm_(parameters, norm), 1)
    if value is not None:
        clip_grad_value_(parameters, value)
    return statistics
