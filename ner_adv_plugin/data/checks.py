"""What checks of settings may know of a run before it reads any data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.data.vocabulary import DatasetSpace


@dataclass(frozen=True)
class PlannedRun:
    """A run, as far as its config tells.

    # Parameters

    config : the whole config, defaults filled in.
    datasets : head, domain, task and annotated types of every dataset.
    heads : the heads that datasets name, and for each where in the config the first dataset does.
    validated : the labelled datasets that validation scores.
    metrics : what validation gives; those of entity types, which only the data name, end in
        `f1_<TYPE>`.
    precision : "fp32", "bf16" or "fp16".
    processes : how many processes train together.
    """

    config: Mapping[str, Any]
    datasets: Mapping[str, DatasetSpace]
    heads: Mapping[str, str]
    validated: Sequence[str]
    metrics: Sequence[str]
    precision: str
    processes: int


RunContext: TypeAlias = CheckContext[PlannedRun]
