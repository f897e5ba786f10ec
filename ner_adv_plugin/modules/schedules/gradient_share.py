"""Scale of a gradient reversal, set from the gradients of the heads."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.schedules.constant import ConstantSchedule
from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("gradient_share")
class GradientShare(torch.nn.Module, Schedule):
    """Give the reversed gradient a fixed share of the heads' gradient; for reversals only.

    lambda = share * exp(mean(log(||g_heads|| / ||g||))), at most `max_scale`. g is the gradient of
    the objective's weighted loss before the reversal, g_heads that of the heads' weighted losses,
    both with respect to the states of the towers that the objective reads, over all sentences of an
    optimizer step. The mean is a running average over the steps so far; the first step, before any
    measurement, has lambda 0. It costs no backward pass. `weight` of the objective then scales
    what the discriminator learns, but not what the towers do.

    With a constant scale the reversed gradient depends on the weight of the loss, the pooling and
    the normalisation of the heads' losses, and can be far below 1 % of the heads' gradient.

    Registered as "gradient_share".

    # Parameters

    share : ||lambda g|| / ||g_heads||, above 0.
    smoothing : weight of the past in the running average, 0 (the last step only) to below 1.
    max_scale : maximum of lambda; reached if the gradient of the discriminator vanishes.
    schedule : factor of `share` over training; constant 1 by default.

    # Raises

    ConfigurationError : a number is out of range, or `schedule` is itself measured.

    # Example

    ```jsonnet
    { type: 'gradient_share', share: 0.1, schedule: { type: 'linear_warmup', warmup: 0.1 } }
    ```
    """

    log_ratio: Tensor
    steps: Tensor
    measured = True

    def __init__(
        self,
        share: float = 0.1,
        smoothing: float = 0.9,
        max_scale: float = 1000.0,
        schedule: Schedule | None = None,
    ) -> None:
        torch.nn.Module.__init__(self)
        Schedule.__init__(self, share)
        _check_numbers({"share": share, "smoothing": smoothing, "max_scale": max_scale})
        self.share = share
        self.smoothing = smoothing
        self.max_scale = max_scale
        self.schedule = schedule or ConstantSchedule()
        if self.schedule.measured:
            raise ConfigurationError(
                'expected a schedule of the training progress, found "gradient_share"', "schedule"
            )

        self.depends_on_length = self.schedule.depends_on_length

        # Part of the weights' file, and so of checkpoints.
        self.register_buffer("log_ratio", torch.zeros((), dtype=torch.float64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._own: Tensor | float = 0.0
        self._heads: Tensor | float = 0.0

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the numbers are in range."""
        _check_numbers(settings)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"schedule": {"type": "constant"}}

    def at(self, progress: float) -> float:
        """See `Schedule.at`: lambda, 0 before the first measurement."""
        steps, log_ratio = torch.stack([self.steps.double(), self.log_ratio]).tolist()
        if not steps:
            return 0.0
        ratio = math.exp(log_ratio)
        return min(self.max_scale, self.share * self.schedule.at(progress) * ratio)

    def add_own(self, gradient: Tensor) -> None:
        """Add a gradient of the objective, not reversed, of other sentences than before."""
        self._own = self._own + gradient.detach().float().square().sum()

    def add_heads(self, gradient: Tensor) -> None:
        """Add a gradient of the heads, of other sentences or another head than before."""
        self._heads = self._heads + gradient.detach().float().square().sum()

    def end_step(self) -> float | None:
        """Update lambda at the end of an optimizer step; every process must call it.

        # Returns

        ||g|| / ||g_heads|| of the step; None, without an update, if one is 0 or not finite.
        """
        # One transfer from the device for all.
        zero = self.log_ratio.new_zeros(())
        *measured, steps = torch.stack(
            [zero + self._own, zero + self._heads, zero + self.steps]
        ).tolist()
        squares = gather(measured)
        own, heads = (math.sqrt(sum(column)) for column in zip(*squares, strict=True))
        self._own = self._heads = 0.0
        if not (0 < own < math.inf and 0 < heads < math.inf):
            return None

        # A plain mean over the first steps, so that the initial value has no weight.
        weight = max(1.0 - self.smoothing, 1.0 / (steps + 1))
        self.log_ratio += weight * (math.log(heads / own) - self.log_ratio)
        self.steps += 1
        return own / heads


def _check_numbers(settings: Mapping[str, Any]) -> None:
    for name in ("share", "max_scale"):
        if not settings[name] > 0:
            raise ConfigurationError(f"expected above 0, found {settings[name]}", name)
    if not 0 <= settings["smoothing"] < 1:
        raise ConfigurationError(
            f"expected 0 to below 1, found {settings['smoothing']}", "smoothing"
        )
