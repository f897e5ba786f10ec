"""Base class of objectives.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import check_adds_up
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.schedules import ConstantSchedule, Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates


class Objective(torch.nn.Module, Registrable):
    """Auxiliary loss on the states of towers, added to the task losses in training.

    # Parameters

    reads : names of the towers that it reads.
    weight : weight of the loss.
    schedule : factor of `weight` over training; constant 1 by default.
    """

    # Whether the losses of micro-batches, each normalised by the totals of the global batch, add up
    # to the loss of the global batch. If not, training with several processes is refused.
    adds_up = True
    # Whether the towers that it reads run over every sentence, or only over the sentences whose
    # heads read them.
    every_sentence = True

    def __init__(
        self, reads: list[str], weight: float = 1.0, schedule: Schedule | None = None
    ) -> None:
        super().__init__()
        self.reads = reads
        # Names of heads whose predictions it reads, as states "heads.<head>": for each character of
        # every sentence the posterior of its tags, without gradients.
        self.predictions: list[str] = []
        # Names of heads that the loss trains, besides the towers that it reads.
        self.trained_heads: list[str] = []
        self.weight = weight
        self.schedule = schedule or ConstantSchedule()
        if self.schedule.measured:
            _refuse_measured()

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the weight, and no cut batches if the loss is not additive."""
        weight = settings.get("weight")
        if isinstance(weight, int | float):
            at_least(0, weight, "weight")
        schedule = settings.get("schedule")
        if isinstance(schedule, Mapping) and schedule.get("type") == "gradient_share":
            _refuse_measured()
        if context.run is None:
            return

        check_adds_up(cls, context.run.processes)
        limit = context.run.config.get("trainer", {}).get("max_tokens_per_pass")
        if limit is not None and not cls.adds_up:
            raise ConfigurationError(
                f"{cls.__name__} compares the sentences of a whole batch, which must not be cut:"
                " remove this key, or use a smaller batch size",
                "trainer.max_tokens_per_pass",
                absolute=True,
            )

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"schedule": {"type": "constant"}}

    @classmethod
    def towers_read(
        cls, settings: Mapping[str, Any], heads: Mapping[str, Sequence[str]]
    ) -> list[str]:
        """Return the towers that an objective without `reads` reads, by default the shared one.

        # Parameters

        settings : the settings of the objective.
        heads : for each head what it reads.
        """
        return ["shared"]

    @classmethod
    def uses_unlabelled(cls, settings: Mapping[str, Any], dataset: str) -> bool:
        """Return whether the loss depends on the sentences of a dataset without a task.

        By default whether the towers that it reads run over every sentence.

        # Parameters

        settings : the settings of the objective.
        dataset : name of the dataset.
        """
        return cls.every_sentence

    def attach(self, model: Any) -> None:
        """Get to know the model, once all of it is built; by default ignored."""

    def sentences(self, batch: Batch) -> Sequence[int]:
        """Return the sentences that the towers it reads run over, besides those of their heads.

        Without effect if `every_sentence` is set. By default none.

        # Parameters

        batch : the whole micro-batch, with the targets of the objective.
        """
        return ()

    def weight_at(self, progress: float) -> float:
        """Weight of the loss at some point of training.

        # Parameters

        progress : fraction of the training steps completed, 0 to 1.
        """
        return self.weight * self.schedule.at(progress)

    def targets(self, dataset: EncodedDataset) -> Targets:
        """Make the objective's own targets, before training and whenever sentences change.

        # Parameters

        dataset : sentences of any task, with or without labels.

        # Returns

        Targets by name, available in `batch.targets`; empty by default.
        """
        return {}

    def watched(self, states: Mapping[str, TowerStates]) -> dict[str, TowerStates]:
        """Return the states for heads and other towers to read, by default the same.

        An objective that measures gradients returns views of the states, and gets their gradients.

        # Parameters

        states : states of towers, some of which the objective may read.
        """
        return dict(states)

    def end_step(self) -> Statistics:
        """Return statistics of the backward passes of an optimizer step, by default none.

        Called after the passes of all micro-batches, by every process.
        """
        return {}

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """Compute the loss, before `weight`.

        # Parameters

        states : states of the towers that it reads; towers that ran over no sentence are missing.
            The predictions of a head are "heads.<head>".
        batch : the whole micro-batch.
        progress : fraction of the training steps completed, 0 to 1.

        # Returns

        Contribution of the micro-batch to the loss of the global batch, a scalar, and statistics to
        log.
        """
        raise NotImplementedError


def objectives_of(model: torch.nn.Module) -> list[Objective]:
    """Return the objectives of a model."""
    return [module for module in model.modules() if isinstance(module, Objective)]


def check_domains(context: RunContext) -> None:
    """Check that the datasets that are trained on have two domains or more.

    # Raises

    ConfigurationError : they have not. The vocabulary of another run may name further domains, so
        that with one nothing is checked.
    """
    run = context.run
    if run is None or run.config.get("vocabulary") is not None or len(run.domains) > 1:
        return
    raise ConfigurationError(f"needs two domains or more, the datasets have {run.domains}")


def _refuse_measured() -> None:
    raise ConfigurationError(
        '"gradient_share" sets the scale of a reversal, not a weight: set'
        ' `reversal: { type: "gradient_share" }` of an objective "domain_adversarial"',
        "schedule",
    )


def concatenated_states(states: Mapping[str, TowerStates], names: list[str]) -> Tensor:
    """Concatenate states of towers that ran over every sentence, (B, L, sum of their sizes)."""
    return torch.cat([states[name].states_BLD for name in names], -1)


LazyObjective: TypeAlias = Annotated[Lazy[Objective], Supplied("vocab", "dims", "tag_counts")]
