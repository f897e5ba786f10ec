"""`allennlp diff`."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ner_adv_plugin.common.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `diff`."""
    parser.add_argument(
        "checkpoint1", help="file of weights (.th, .safetensors), model.tar.gz, or folder of a run"
    )
    parser.add_argument("checkpoint2", help="the weights to compare with, in the same formats")
    parser.add_argument(
        "--strip-prefix-1", default="", help="prefix to remove from parameter names of the first"
    )
    parser.add_argument(
        "--strip-prefix-2", default="", help="prefix to remove from parameter names of the second"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="factor of distances (1)")
    parser.add_argument(
        "--threshold",
        type=float,
        default=1e-5,
        help="largest distance of parameters that count as equal (1e-5)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print all parameters: "-" only in the first, "+" only in the second, "!" changed.

    The distance is the root mean squared difference times `--scale`. A parameter whose shape
    differs is printed as removed and added.
    """
    first = _stripped(_read(arguments.checkpoint1), arguments.strip_prefix_1)
    second = _stripped(_read(arguments.checkpoint2), arguments.strip_prefix_2)

    for name in dict.fromkeys([*first, *second]):
        if name in first and name in second and first[name].shape == second[name].shape:
            distance = arguments.scale * _distance(first[name], second[name])
            # Negated, so that NaN counts as a difference.
            if not distance <= arguments.threshold:
                print(f"!{_shown(name, first)}, distance = {distance:.4g}")
            else:
                print(f" {_shown(name, first)}")
            continue
        for mark, weights in (("-", first), ("+", second)):
            if name in weights:
                print(f"{mark}{_shown(name, weights)}")


def _shown(name: str, weights: Mapping[str, "Tensor"]) -> str:
    return f"{name}, shape = {tuple(weights[name].shape)}"


def _distance(one: "Tensor", other: "Tensor") -> float:
    difference = (one.double() - other.double()).masked_fill(one == other, 0.0)
    return float((difference.square().sum() / max(difference.numel(), 1)).sqrt())


def _stripped(weights: Mapping[str, "Tensor"], prefix: str) -> dict[str, "Tensor"]:
    """Return the weights with a prefix removed from their names."""
    if prefix and not any(name.startswith(prefix) for name in weights):
        raise UserError(f'no parameter name starts with "{prefix}"')

    stripped = {name.removeprefix(prefix): value for name, value in weights.items()}
    if len(stripped) < len(weights):
        raise UserError(f'without "{prefix}" two parameters have the same name')
    return stripped


def _read(path: str) -> dict[str, "Tensor"]:
    """Read the weights of a file, an archive or a run."""
    from ner_adv_plugin.archives.extraction import opened
    from ner_adv_plugin.archives.writing import WEIGHT_FILES
    from ner_adv_plugin.common.files import local_path
    from ner_adv_plugin.common.hubs.hub_path import parse_hub_path

    hub_path = parse_hub_path(path)
    is_repo = hub_path is not None and hub_path.file is None
    if not is_repo and not Path(path).is_dir() and not path.endswith(".tar.gz"):
        return _load(local_path(path), path)

    with opened(path) as folder:
        for name in WEIGHT_FILES:
            if (folder / name).is_file():
                return _load(folder / name, f"{path}: {name}")
    raise UserError(f"{path}: no weights, {' or '.join(WEIGHT_FILES)}")


def _load(file: Path, shown: str) -> dict[str, "Tensor"]:
    import torch
    from safetensors.torch import load_file

    if not file.is_file():
        raise UserError(f"no weights at {shown}")

    try:
        if shown.endswith(".safetensors"):
            weights = load_file(file)
        else:
            weights = torch.load(file, "cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{shown} is not a file of weights only") from error
    if not isinstance(weights, dict) or not all(
        isinstance(value, torch.Tensor) for value in weights.values()
    ):
        raise UserError(f"{shown} holds something other than parameters by name")
    return weights
