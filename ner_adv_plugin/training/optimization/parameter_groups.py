"""Trainable parameters and parameter groups, selected by regular expressions."""

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import torch

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.modules.layer_names import LAYER

logger = logging.getLogger(__name__)

EMBEDDINGS = re.compile(r"(?:^|\.)(?:\w*embeddings?|wte|wpe)\.")

NamedParameters: TypeAlias = list[tuple[str, torch.nn.Parameter]]
ParameterGroups: TypeAlias = list[tuple[list[str], dict[str, Any]]]


def parameter_groups(
    parameters: Iterable[tuple[str, torch.nn.Parameter]],
    groups: ParameterGroups | None,
    lr: float | None = None,
) -> list[dict[str, Any]]:
    """Split parameters into groups, in the format of torch's optimizers.

    # Parameters

    parameters : trainable parameters by name.
    groups : regular expressions, searched for in names, and settings (`lr`, ...) of each group. A
        group with `layer_decay` is split by layers: see `by_layer`.
    lr : learning rate of groups without their own.

    # Returns

    One dictionary per non-empty group; the last one holds the parameters that match no group.

    # Raises

    ConfigurationError : if a parameter matches two groups, an expression does not compile, or a
        group with `layer_decay` has no layers.

    # Examples

    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    >>> groups = parameter_groups(model.named_parameters(), [(["^0", "bias"], {"lr": 5e-5})])
    >>> [(len(group["params"]), group.get("lr")) for group in groups]
    [(3, 5e-05), (1, None)]
    """
    members: list[dict[str, Any]] = [{"params": [], **settings} for _, settings in groups or []]
    rest: dict[str, Any] = {"params": []}
    names: dict[int, list[str]] = {}
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
        names.setdefault(owners[0] if owners else -1, []).append(name)

    for patterns, _ in groups or []:
        for pattern in set(patterns) - matched:
            logger.warning('trainer.optimizer.parameter_groups: "%s" matches no parameter', pattern)

    result: list[dict[str, Any]] = []
    for index, group in enumerate([*members, rest]):
        if group["params"]:
            path = f"trainer.optimizer.parameter_groups.{index}.1.layer_decay"
            result += by_layer(group, names.get(index, []), lr, path)
    return result


def by_layer(
    group: dict[str, Any], names: Sequence[str], lr: float | None, path: str
) -> list[dict[str, Any]]:
    """Split a group with `layer_decay` into one for each layer (Howard & Ruder 2018).

    The rate of a layer is that of the layer above times `layer_decay`; embeddings are below the
    first layer. The last layer, and parameters that are neither in a numbered layer nor embeddings,
    have the rate of the group.

    # Parameters

    group : parameters and settings.
    names : names of its parameters, in order.
    lr : learning rate of a group without its own.
    path : config path of `layer_decay`.

    # Raises

    ConfigurationError : there is no learning rate, or no parameter is in a numbered layer.
    """
    settings = {key: value for key, value in group.items() if key != "layer_decay"}
    decay = group.get("layer_decay")
    if decay is None:
        return [settings]

    base = group.get("lr", lr)
    if base is None:
        raise ConfigurationError("needs a learning rate: set `lr` of the group", path)
    layers = [LAYER.search(name) for name in names]
    top = max((int(match[1]) + 1 for match in layers if match), default=0)
    if not top:
        raise ConfigurationError(
            f'no parameter of the group is in a numbered layer, such as "layer.0": {names[0]}, ...',
            path,
        )

    by_depth: dict[int, list[torch.nn.Parameter]] = {}
    for name, match, parameter in zip(names, layers, group["params"], strict=True):
        depth = int(match[1]) + 1 if match else 0 if EMBEDDINGS.search(name) else top
        by_depth.setdefault(depth, []).append(parameter)
    return [
        {**settings, "params": by_depth[depth], "lr": base * decay ** (top - depth)}
        for depth in sorted(by_depth)
    ]


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
