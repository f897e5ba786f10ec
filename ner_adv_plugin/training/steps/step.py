"""Base class of training steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import check_adds_up
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.engine import Engine


class TrainingStep(Registrable):
    """Base class of training steps: the forward and backward passes of one global batch.

    The trainer owns the loop around it. Class attributes declare what a step supports; a config
    that needs more is rejected. `adds_up`: the gradients of the processes' shares of a batch add up
    to the gradient of the whole batch, as several processes need. `scales`: losses may be scaled,
    so that gradients are infinite now and then, as "fp16" needs. `copies` is the number of copies
    of each sentence in a pass: the trainer cuts batches so that all of them fit into memory.
    """

    default_implementation = "plain"
    adds_up = True
    scales = True
    copies = 1

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the step supports the precision and the number of processes."""
        run = context.run
        if run is None:
            return

        check_adds_up(cls, run.processes)
        if not cls.scales and run.precision == "fp16":
            key = "use_amp" if run.config["trainer"].get("use_amp") else "precision"
            raise ConfigurationError(
                f'"fp16" scales losses, which step "{settings["type"]}" does not support: '
                'use "bf16"',
                f"trainer.{key}",
                absolute=True,
            )

    def attach(self, model: Model) -> None:
        """Get to know the model, once its trainable parameters are chosen; by default ignored."""

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """Compute the gradients of a global batch and add them to the parameters' `grad`.

        # Parameters

        engine : runs forward and backward passes. The last backward pass of a step must be inside
            `engine.synchronised(True)`, all others inside `engine.synchronised(False)`.
        batches : micro-batches with this process's share of the sentences; their losses are
            normalised by the global batch size.
        progress : fraction of training steps done, 0 to 1.

        # Returns

        The loss of these sentences, and their statistics to report.
        """
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in tensors and plain types."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a state from `state_dict`."""
