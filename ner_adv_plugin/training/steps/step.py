"""The base of all training steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import check_adds_up, gather, world_size
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.engine import Engine


class TrainingStep(Registrable):
    """Owns the forward and backward of one global batch; the trainer owns the loop around it.

    `adds_up` says whether the gradients of several processes' shares, each of its own sentences, add up to that of the
    whole: where they do not, a run on several processes is refused. `scales` says whether losses may be scaled for
    fp16, so that gradients are infinite now and then: where they may not, that precision is refused.
    """

    default_implementation = "plain"
    adds_up = True
    scales = True

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: whether it takes the precision, and several processes."""
        run = context.run
        if run is None:
            return

        check_adds_up(cls, run.processes)
        if not cls.scales and run.precision == "fp16":
            key = "use_amp" if run.config["trainer"].get("use_amp") else "precision"
            raise ConfigurationError(
                f'"fp16" scales losses, which step "{settings["type"]}" does not take: precision "bf16" does not',
                f"trainer.{key}",
                absolute=True,
            )

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """Add the gradients of a global batch.

        # Parameters

        engine : runs the model forward and backward; the last backward of a step stands within
            `engine.synchronised(True)`, all others within `engine.synchronised(False)`.
        batches : this process's sentences of the micro-batches, which share their totals.
        progress : share of training steps done, 0 to 1.

        # Returns

        The loss of these sentences, and what to report of them.
        """
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; tensors and plain types only."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""


def add_statistics(total: Statistics, more: Mapping[str, tuple[Tensor | float, int]]) -> None:
    """Add sums and counts to running ones."""
    for name, (value, count) in more.items():
        old_value, old_count = total.get(name, (0.0, 0))
        total[name] = (old_value + value, old_count + count)


def averages(statistics: Statistics) -> dict[str, float]:
    """Sums over counts, as plain numbers."""
    return {name: float(value) / count for name, (value, count) in statistics.items() if count}


def over_processes(loss: Tensor | float, statistics: Statistics) -> Statistics:
    """Sums and counts of all processes; `loss` is theirs together."""
    own: Statistics = {**statistics, "loss": (loss, 1)}
    if world_size() == 1:
        return own
    total: Statistics = {}
    for part in gather({name: (float(value), count) for name, (value, count) in own.items()}):
        add_statistics(total, part)
    return {**total, "loss": (total["loss"][0], 1)}
