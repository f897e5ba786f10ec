"""`allennlp diff`."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ner_adv_plugin.common.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command."""
    weights = "file of weights (.th, .safetensors), model.tar.gz, or the folder of a run"
    parser.add_argument("checkpoint1", help=weights)
    parser.add_argument("checkpoint2", help="what to compare it with, the same")
    parser.add_argument(
        "--strip-prefix-1", default="", help="what to cut off the parameters' names of the first"
    )
    parser.add_argument(
        "--strip-prefix-2", default="", help="what to cut off the parameters' names of the second"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="what distances are multiplied by (1)"
    )
    parser.add_argument(
        "--threshold", type=float, default=1e-5, help="up to this distance two are the same (1e-5)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print every parameter: "-" only in the first, "+" only in the second, "!" in both and not the same.

    The distance of two is the root of the mean squared difference, times `--scale`. Where shapes differ, a
    parameter is printed as one that is gone and one that is new.
    """
    first = _stripped(_read(arguments.checkpoint1), arguments.strip_prefix_1)
    second = _stripped(_read(arguments.checkpoint2), arguments.strip_prefix_2)
    for name in dict.fromkeys([*first, *second]):
        if name in first and name in second and first[name].shape == second[name].shape:
            distance = arguments.scale * _distance(first[name], second[name])
            # Turned round, so that a distance that is no number is a difference.
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
    """Weights by their names without a prefix."""
    if prefix and not any(name.startswith(prefix) for name in weights):
        raise UserError(f'no parameter\'s name begins with "{prefix}"')
    stripped = {name.removeprefix(prefix): value for name, value in weights.items()}
    if len(stripped) < len(weights):
        raise UserError(f'without "{prefix}" two parameters have the same name')
    return stripped


def _read(path: str) -> dict[str, "Tensor"]:
    """The weights of a file, an archive or a run."""
    from ner_adv_plugin.archives.extraction import opened
    from ner_adv_plugin.archives.writing import BEST, WEIGHTS
    from ner_adv_plugin.common.files import local_path

    if not Path(path).is_dir() and not path.endswith(".tar.gz"):
        return _load(local_path(path), path)
    with opened(path) as folder:
        for name in (WEIGHTS, BEST):
            if (folder / name).is_file():
                return _load(folder / name, f"{path}: {name}")
    raise UserError(f"{path}: no weights, {WEIGHTS} or {BEST}")


def _load(file: Path, shown: str) -> dict[str, "Tensor"]:
    import torch
    from safetensors.torch import load_file

    if not file.is_file():
        raise UserError(f"no weights at {shown}")
    try:
        weights = (
            load_file(file)
            if shown.endswith(".safetensors")
            else torch.load(file, "cpu", weights_only=True)
        )
    except Exception as error:
        raise UserError(f"{shown} does not hold weights alone") from error
    if not isinstance(weights, dict) or not all(
        isinstance(value, torch.Tensor) for value in weights.values()
    ):
        raise UserError(f"{shown} holds something else than parameters by name")
    return weights
