"""Files of weights: safe loading, and the check that they are those of a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.models.model import Model

CONTAINERS = (torch.nn.ModuleDict, torch.nn.ModuleList)


def read_weights(path: Path, shown: str, mapped: bool = False) -> dict[str, Any]:
    """Read a file of weights without running code from it.

    # Parameters

    path : a file of safetensors, or one that torch saved.
    shown : its name in error messages.
    mapped : map a file of torch into memory instead of reading it; safetensors always are.

    # Raises

    UserError : if it holds anything but tensors and plain values, or is damaged.
    """
    try:
        if _is_safetensors(path):
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped or None)
    except Exception as error:  # torch and safetensors raise anything on crafted files
        reason = _reason(error).replace(str(path), "it")
        raise UserError(f"{shown} is not a file of weights only: {reason}") from error

    if not isinstance(state, dict):
        raise UserError(f"{shown} is not a file of weights only: expected parameters by name")
    return state


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: the length of a header, and an object in JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def check_weights(
    model: Model, state: Mapping[str, Any], shown: str, partial: bool = False
) -> None:
    """Check that weights are those of a model: names, shapes, types and finite values.

    # Parameters

    model : the model.
    state : the weights by name.
    shown : the name of their file in error messages.
    partial : only a part of the model was built: weights of other heads, towers and objectives are
        ignored.

    # Raises

    UserError : for the first weight that is missing, superfluous or wrong.
    """
    own = model.state_dict()
    message = f"{shown} does not hold the weights of this model"
    for name in own:
        if name not in state:
            raise UserError(
                f"{message}: {name} is missing, expected shape {_shape(own[name])}. "
                "Missing key(s): " + ", ".join(key for key in own if key not in state)[:300]
            )
    for name in state:
        if name not in own and not (partial and _of_another_part(model, str(name))):
            raise UserError(f"{message}: the model has no {str(name)[:200]}")
    for name, expected in own.items():
        if fault := fault_of(expected, state[name]):
            raise UserError(f"{message}: {name} {fault}")


def fault_of(expected: Tensor, found: Any) -> str | None:
    """Describe what is wrong with a weight; None if nothing is.

    # Parameters

    expected : the weight of the model.
    found : what a file has for it.
    """
    if not isinstance(found, Tensor):
        return f"is not a tensor but {type(found).__name__}"
    if found.layout is not torch.strided or found.is_quantized or found.is_meta:
        return f"is not a plain tensor: its layout is {found.layout}, its device {found.device}"
    if found.shape != expected.shape:
        return f"has shape {_shape(found)}, expected {_shape(expected)}"
    both_float = expected.is_floating_point() and found.is_floating_point()
    if not both_float and found.dtype != expected.dtype:
        return f"holds {_type(found)}, expected {_type(expected)}"

    finite = torch.isfinite(found)
    if finite.all():
        return None
    # A value that is not finite in the model as built, such as a mask, is allowed.
    if count := int((~finite & (found.to(expected.dtype) != expected.cpu())).sum()):
        return f"holds {count} values that are NaN or infinite, expected finite numbers"
    return None


def _of_another_part(model: Model, name: str) -> bool:
    """Whether a name belongs to a part of the model that is not built."""
    module: torch.nn.Module = model
    for part in name.split("."):
        child = module._modules.get(part)
        if child is None:
            break
        module = child
    return module is model or isinstance(module, CONTAINERS) or not module.state_dict()


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _reason(error: Exception) -> str:
    """Return the reason in an error of torch, without its advice to load the file unsafely."""
    paragraphs = [text.strip() for text in str(error).split("\n\n") if text.strip()]
    return paragraphs[1] if len(paragraphs) > 1 else str(error)
