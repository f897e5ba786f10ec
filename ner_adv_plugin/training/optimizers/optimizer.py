"""The base of all optimizers, and parameter groups by regular expression."""

import logging
import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied

logger = logging.getLogger(__name__)

NamedParameters: TypeAlias = list[tuple[str, torch.nn.Parameter]]
ParameterGroups: TypeAlias = list[tuple[list[str], dict[str, Any]]]


class Optimizer(torch.optim.Optimizer, Registrable):
    """An optimizer of torch's, built from named parameters and groups of them."""

    default_implementation = "huggingface_adamw"


LazyOptimizer: TypeAlias = Annotated[Lazy[Optimizer], Supplied("model_parameters")]


def parameter_groups(parameters: Iterable[tuple[str, torch.nn.Parameter]], groups: ParameterGroups | None) -> Any:
    """Sort parameters into groups with settings of their own.

    # Parameters

    parameters : trainable parameters by name.
    groups : for each group regular expressions, searched for in names, and its settings (`lr` and so on).

    # Returns

    What torch's optimizers take: one dictionary a group that has any, last the parameters of none.

    Raises `ConfigurationError` where a parameter falls into two groups or an expression does not compile.
    """
    sorted_in: list[dict[str, Any]] = [{"params": [], **settings} for _, settings in groups or []]
    rest: dict[str, Any] = {"params": []}
    matched: set[str] = set()
    for name, parameter in parameters:
        owners = []
        for index, (patterns, _) in enumerate(groups or []):
            hits = [pattern for pattern in patterns if _search(pattern, name, index)]
            matched.update(hits)
            if hits:
                owners.append(index)
        if len(owners) > 1:
            raise ConfigurationError(
                f'"{name}" falls into groups {owners[0]} and {owners[1]}', "trainer.optimizer.parameter_groups"
            )
        (sorted_in[owners[0]] if owners else rest)["params"].append(parameter)
    for patterns, _ in groups or []:
        for pattern in set(patterns) - matched:
            logger.warning('trainer.optimizer.parameter_groups: "%s" matches no parameter', pattern)
    return [group for group in (*sorted_in, rest) if group["params"]]


def _search(pattern: str, name: str, index: int) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error as error:
        where = f"trainer.optimizer.parameter_groups.{index}.0"
        raise ConfigurationError(f'"{pattern}" is no regular expression: {error}', where) from error
