"""The base of all optimizers, and parameter groups by regular expression."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import torch

from ner_adv_plugin.common import schema
from ner_adv_plugin.common.binding import bind, check_keys
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied

logger = logging.getLogger(__name__)

NamedParameters: TypeAlias = list[tuple[str, torch.nn.Parameter]]
ParameterGroups: TypeAlias = list[tuple[list[str], dict[str, Any]]]


class Optimizer(torch.optim.Optimizer, Registrable):
    """An optimizer of torch's, built from named parameters and groups of them.

    A group may set what the optimizer's own keys set for all, and nothing else.
    """

    default_implementation = "huggingface_adamw"

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any], path: str) -> None:
        """`ConfigurationError` where parameter groups do not fit the optimizer.

        # Parameters

        settings : the optimizer's.
        path : where they stand in the config.
        """
        known = {parameter.name: parameter.annotation for parameter in schema.parameters(cls)}
        for name in ("model_parameters", "parameter_groups"):
            known.pop(name, None)
        for index, (patterns, group) in enumerate(settings.get("parameter_groups") or []):
            where = f"{path}.parameter_groups.{index}".lstrip(".")
            check_patterns(patterns, f"{where}.0")
            check_keys(group, known, list(known), f"{where}.1")
            for key, value in group.items():
                bind(known[key], value, f"{where}.1.{key}")


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
            where = f"trainer.optimizer.parameter_groups.{index}.0"
            hits = [pattern for pattern in patterns if search(pattern, name, where)]
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


def check_patterns(patterns: Iterable[str], path: str) -> None:
    """`ConfigurationError` for a pattern that is no regular expression.

    # Parameters

    patterns : of parameters' names.
    path : where in the config they stand.
    """
    for index, pattern in enumerate(patterns):
        search(pattern, "", f"{path}.{index}")


def search(pattern: str, name: str, path: str) -> bool:
    """Whether a pattern of the config occurs in a parameter's name; `ConfigurationError` where it does not compile.

    # Parameters

    path : where in the config the pattern stands.
    """
    try:
        return re.search(pattern, name) is not None
    except re.error as error:
        raise ConfigurationError(f'"{pattern}" is no regular expression: {error}', path) from error


def trainable(model: torch.nn.Module, frozen: Sequence[str]) -> NamedParameters:
    """Parameters that learn, by name, after freezing those whose names match.

    # Parameters

    model : whose they are.
    frozen : the patterns.

    Raises `ConfigurationError` where none is left.
    """
    named = list(model.named_parameters())
    for index, pattern in enumerate(frozen):
        hits = [parameter for name, parameter in named if search(pattern, name, f"no_grad.{index}")]
        if not hits:
            logger.warning('trainer.no_grad: "%s" matches no parameter', pattern)
        for parameter in hits:
            parameter.requires_grad_(False)
    learning = [(name, parameter) for name, parameter in named if parameter.requires_grad]
    if not learning:
        raise ConfigurationError("leaves no parameter to train", "no_grad")
    return learning
