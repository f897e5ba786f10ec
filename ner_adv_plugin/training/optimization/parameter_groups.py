"""Trainable parameters and parameter groups, selected by regular expressions."""

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import torch

from ner_adv_plugin.common.errors import ConfigurationError, nearest

logger = logging.getLogger(__name__)

NamedParameters: TypeAlias = list[tuple[str, torch.nn.Parameter]]
ParameterGroups: TypeAlias = list[tuple[list[str], dict[str, Any]]]


def parameter_groups(
    parameters: Iterable[tuple[str, torch.nn.Parameter]], groups: ParameterGroups | None
) -> list[dict[str, Any]]:
    """Split parameters into groups, in the format of torch's optimizers.

    # Parameters

    parameters : trainable parameters by name.
    groups : regular expressions, searched for in names, and settings (`lr`, ...) of each group.

    # Returns

    One dictionary per non-empty group; the last one holds the parameters that match no group.

    # Raises

    ConfigurationError : if a parameter matches two groups, or an expression does not compile.

    # Examples

    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    >>> groups = parameter_groups(model.named_parameters(), [(["^0", "bias"], {"lr": 5e-5})])
    >>> [(len(group["params"]), group.get("lr")) for group in groups]
    [(3, 5e-05), (1, None)]
    """
    members: list[dict[str, Any]] = [{"params": [], **settings} for _, settings in groups or []]
    rest: dict[str, Any] = {"params": []}
    matched: set[str] = set()

    for name, parameter in parameters:
        owners = []
        for index, (patterns, _) in enumerate(groups or []):
            path = f"trainer.optimizer.parameter_groups.{index}.0"
            hits = [pattern for pattern in patterns if _matches(pattern, name, path)]
            matched.update(hits)
            if hits:
                owners.append(index)

        if len(owners) > 1:
            raise ConfigurationError(
                f'"{name}" matches groups {owners[0]} and {owners[1]}',
                "trainer.optimizer.parameter_groups",
            )
        group = members[owners[0]] if owners else rest
        group["params"].append(parameter)

    for patterns, _ in groups or []:
        for pattern in set(patterns) - matched:
            logger.warning('trainer.optimizer.parameter_groups: "%s" matches no parameter', pattern)

    return [group for group in (*members, rest) if group["params"]]


def trainable(model: torch.nn.Module, frozen: Sequence[str]) -> NamedParameters:
    """Freeze parameters by name and return the remaining trainable ones.

    # Parameters

    model : model whose parameters are selected.
    frozen : regular expressions, searched for in the names of the parameters to freeze.

    # Returns

    Trainable parameters by name.

    # Raises

    ConfigurationError : if none remains, or an expression does not compile.
    """
    named = list(model.named_parameters())

    for index, pattern in enumerate(frozen):
        path = f"no_grad.{index}"
        hits = [parameter for name, parameter in named if _matches(pattern, name, path)]
        if not hits:
            logger.warning('trainer.no_grad: "%s" matches no parameter', pattern)
        for parameter in hits:
            parameter.requires_grad_(False)

    remaining = [(name, parameter) for name, parameter in named if parameter.requires_grad]
    if not remaining:
        raise ConfigurationError("leaves no parameter to train", "no_grad")
    return remaining


def matching(pattern: str, names: Iterable[str], path: str) -> list[str]:
    """Return the names that a regular expression is found in.

    # Parameters

    pattern : the expression.
    names : names of parameters.
    path : config path of the expression.

    # Raises

    ConfigurationError : if there is none, or the expression does not compile.
    """
    known = list(names)
    found = [name for name in known if _matches(pattern, name, path)]
    if not found:
        parts = {name.rsplit(".", n)[0] for name in known for n in range(name.count(".") + 1)}
        plain = re.sub(r"[\\^$*+?()\[\]|]", "", pattern).strip(".")
        raise ConfigurationError(
            f'"{pattern}" matches no trainable parameter.{nearest(plain, sorted(parts))}', path
        )
    return found


def check_patterns(patterns: Iterable[str], path: str) -> None:
    """Check that all patterns are valid regular expressions.

    # Parameters

    patterns : the patterns.
    path : their config path.

    # Raises

    ConfigurationError : if a pattern does not compile.
    """
    for index, pattern in enumerate(patterns):
        _matches(pattern, "", f"{path}.{index}")


def _matches(pattern: str, name: str, path: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error as error:
        raise ConfigurationError(
            f'"{pattern}" is not a regular expression: {error}', path
        ) from error
