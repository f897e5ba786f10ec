"""Linear layers in float32 by the library whose matrix products are fastest on this CPU.

torch computes matrix products in float32 with MKL, which on AMD's CPUs uses no instructions beyond
AVX2. oneDNN, which torch brings along for bfloat16, uses AVX-512 there: products of a training step
take half the time. On other CPUs nothing changes.

Shape suffixes: N rows, D inputs, E outputs.
"""

import platform
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear as torch_linear

from ner_adv_plugin.common.processor import CPUINFO, cpu_fields

# Number of multiplications below which a product takes as long by either library.
FEWEST_MULTIPLICATIONS = 1 << 18


class Linear(torch.nn.Linear):
    """Linear layer that is computed by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """Compute the outputs, (..., E), of inputs (..., D)."""
        return linear(input, self.weight, self.bias)


def linear(inputs: Tensor, weight_ED: Tensor, bias_E: Tensor | None = None) -> Tensor:
    """Multiply inputs by weights and add a bias.

    # Parameters

    inputs : (..., D).
    weight_ED : weights.
    bias_E : bias; None for 0.

    # Returns

    Outputs, (..., E).
    """
    if not _by_onednn(inputs, weight_ED):
        return torch_linear(inputs, weight_ED, bias_E)

    outputs_NE: Tensor = _Product.apply(inputs.flatten(0, -2), weight_ED, bias_E)
    return outputs_NE.unflatten(0, inputs.shape[:-1])


def padding_rows(rows: int) -> int:
    """Return how many rows to add so that products have few different shapes.

    oneDNN generates code for every shape, which takes as long as a product of a short batch.
    """
    return -rows % 16 if uses_onednn() else 0


@cache
def uses_onednn() -> bool:
    """Whether products in float32 are computed by oneDNN: on CPUs of AMD with AVX-512."""
    return (
        torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and torch.backends.mkl.is_available()
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and "AuthenticAMD" in _vendor()
    )


def _vendor() -> str:
    """Return the name of the CPU's vendor, or a text that contains it."""
    try:
        fields = cpu_fields(CPUINFO.read_text(encoding="utf-8"))
    except OSError:
        return platform.processor()
    return fields.get("vendor_id", "")


def _by_onednn(inputs: Tensor, weight_ED: Tensor) -> bool:
    """Whether oneDNN computes this product: a large one in float32 on the CPU, not in a trace."""
    return (
        uses_onednn()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and inputs.is_cpu
        and inputs.dtype == weight_ED.dtype == torch.float32
        and inputs.numel() * weight_ED.shape[0] >= FEWEST_MULTIPLICATIONS
    )


class _Product(torch.autograd.Function):
    """Product of rows with a matrix, plus a bias: (N, E) from (N, D), (E, D) and (E,) or None."""

    @staticmethod
    def forward(ctx: Any, rows_ND: Tensor, weight_ED: Tensor, bias_E: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows_ND, weight_ED)
        ctx.set_materialize_grads(False)
        outputs_NE: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows_ND, weight_ED, bias_E, "none", [], ""
        )
        return outputs_NE

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        (gradient_NE,) = gradients
        if gradient_NE is None:
            return None, None, None

        rows_ND, weight_ED = ctx.saved_tensors
        by_rows, by_weight, by_bias = ctx.needs_input_grad
        gradient_NE = gradient_NE.contiguous()
        return (
            _Product.apply(gradient_NE, weight_ED.t(), None) if by_rows else None,
            _Product.apply(gradient_NE.t(), rows_ND.t(), None) if by_weight else None,
            gradient_NE.sum(0) if by_bias else None,
        )
