"""The model as it is trained: on its device, in its precision, in step with other processes."""

import contextlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.processes import world_size
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.accelerator import Precision, make_accelerator


class Engine:
    """Forward and backward of one process's share of a batch, over accelerate.

    # Parameters

    model : is moved to the device.
    precision : of the forward pass.
    cuda_device : -1 for the CPU, a GPU's number, or null for a GPU where there is one.
    """

    def __init__(self, model: Model, precision: Precision, cuda_device: int | None) -> None:
        self.accelerator = make_accelerator(precision, cuda_device)
        self.model = model.to(self.accelerator.device)
        self._wrapped: Any = None

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self.accelerator.device
        return device

    def prepare(self, optimizer: torch.optim.Optimizer) -> Any:
        """Wrap the model for its processes; the optimizer as the launcher wants it."""
        self._wrapped, prepared = self.accelerator.prepare(_Share(self.model), optimizer)
        return prepared

    def forward(self, batch: Batch, progress: float) -> Mapping[str, Any]:
        """What the model says of this process's rows; see `Model.forward`."""
        output: Mapping[str, Any] = self._wrapped(batch, progress)
        return output

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss, a sum of rows over the totals of the global batch."""
        # The processes' gradients are averaged, and are to be added.
        self.accelerator.backward(loss * world_size() if world_size() > 1 else loss)

    def gradient(self, loss: Tensor, by: Tensor) -> Tensor:
        """The gradient of a loss by one tensor alone; in fp16 a multiple of it, in which small numbers last."""
        scaler = self.accelerator.scaler
        scaled = loss if scaler is None else scaler.scale(loss)
        (gradient,) = torch.autograd.grad(scaled, by, allow_unused=True, materialize_grads=True)
        return gradient

    def synchronised(self, now: bool) -> contextlib.AbstractContextManager[Any]:
        """Around a forward and its backward: whether gradients of all processes are added in it, or kept for the
        next that does."""
        return contextlib.nullcontext() if now else self.accelerator.no_sync(self._wrapped)


class _Share(torch.nn.Module):
    """A model whose share of a batch may be empty, or teach nothing: every process must take part in a backward."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, progress: float) -> dict[str, Any]:
        """See `Model.forward`."""
        output: dict[str, Any] = self.model(batch, progress) if len(batch) else {}
        if world_size() > 1 and "loss" not in output:
            learns = next(parameter for parameter in self.model.parameters() if parameter.requires_grad)
            output["loss"] = 0.0 * learns.sum()
        return output
