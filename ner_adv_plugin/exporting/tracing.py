"""Writing of ONNX files."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import UserError

OPSET = 17


def write_graph(
    module: torch.nn.Module,
    inputs: Mapping[str, Tensor],
    axes: Mapping[str, Sequence[str]],
    output_axes: Sequence[str],
    path: Path,
    part: str,
) -> None:
    """Trace a module and write it as ONNX.

    # Parameters

    module : the module, in evaluation mode.
    inputs : example inputs by name, in the order of the module's parameters.
    axes : names of the first axes of each input, which may have any size.
    output_axes : the same for the output.
    path : the file.
    part : what the module is, in errors, such as `encoder "pretrained_transformer"`.

    # Raises

    UserError : the module has an operation that ONNX lacks.
    """
    dynamic = {name: dict(enumerate(own)) for name, own in axes.items()}
    dynamic["output"] = dict(enumerate(output_axes))
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # The fused kernel of multi-head attention has no counterpart in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            # The exporter that is built on torch.export fails on LSTMs of dynamic length.
            torch.onnx.export(
                module,
                tuple(inputs.values()),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=["output"],
                dynamic_axes=dynamic,
            )
    except Exception as error:  # of torch, of transformers, or of a plugin's module
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{part} cannot be exported to ONNX: {reason}") from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what C++ code writes to standard error, and show it only if the block fails."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            kept.seek(0)
            os.write(2, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
