"""What the checks of settings know about a run before any data is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.data.label_spaces import DatasetSpace


@dataclass(frozen=True)
class PlannedRun:
    """A training run as described by its config alone.

    # Parameters

    config : the whole config with defaults filled in.
    datasets : head, domain, task and annotated types of every dataset that is trained on.
    heads : the heads that datasets belong to, trained on by this stage or by another, each with the
        config path of the first dataset that names it.
    validated : the labelled datasets that are scored in validation.
    metrics : names of the validation metrics; since entity types are known only from the data,
        metrics of single types appear as `f1_<TYPE>` at the end of the name.
    precision : "fp32", "bf16", "fp16" or, for one of the first two, "auto".
    processes : number of training processes.
    starts_with_weights : whether the run starts with the weights of an earlier run or stage.
    other_domains : domains of datasets that only other stages train on.
    """

    config: Mapping[str, Any]
    datasets: Mapping[str, DatasetSpace]
    heads: Mapping[str, str]
    validated: Sequence[str]
    metrics: Sequence[str]
    precision: str
    processes: int
    starts_with_weights: bool = False
    other_domains: Sequence[str] = ()

    @property
    def domains(self) -> list[str]:
        """Return the domains of the datasets that are trained on."""
        return list(dict.fromkeys(space.domain for space in self.datasets.values()))

    @property
    def trained_heads(self) -> list[str]:
        """Return the heads that the datasets belong to that are trained on."""
        trained = {space.head for space in self.datasets.values()}
        return [head for head in self.heads if head in trained]


RunContext: TypeAlias = CheckContext[PlannedRun]
