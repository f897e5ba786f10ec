"""Forward and backward passes: device, precision and gradient synchronisation of a model."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.processes import world_size
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.accelerator import Precision, make_accelerator


class Engine:
    """Run forward and backward passes of one process's share of a batch.

    `forward(batch, progress)` calls the prepared model; see `Model.forward`.

    # Parameters

    model : model to train; it is moved to the device.
    precision : precision of the forward pass.
    cuda_device : -1 for the CPU, the number of a GPU, or null for a GPU if there is one.
    """

    def __init__(self, model: Model, precision: Precision, cuda_device: int | None) -> None:
        self.precision = precision
        self.accelerator = make_accelerator(precision, cuda_device)
        self.model = model.to(self.accelerator.device)
        self.forward: Callable[[Batch, float], Mapping[str, Any]] = self.model

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        device: torch.device = self.accelerator.device
        return device

    def prepare(self, optimizer: torch.optim.Optimizer) -> Any:
        """Prepare the model for its precision and processes; return the prepared optimizer."""
        # accelerate replaces the method `forward` of a module that it prepares. The wrapper is
        # prepared instead, so that the model itself is unchanged outside training.
        is_plain = world_size() == 1 and self.accelerator.mixed_precision == "no"
        self.forward, prepared = self.accelerator.prepare(
            self.model if is_plain else _Share(self.model), optimizer
        )
        return prepared

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss that is normalised by the global batch size."""
        # Processes average gradients. The factor turns the mean into a sum.
        self.accelerator.backward(loss * world_size() if world_size() > 1 else loss)

    def gradient(self, loss: Tensor, by: Tensor) -> Tensor:
        """Return the gradient of a loss with respect to one tensor; in fp16 of the scaled loss."""
        scaler = self.accelerator.scaler
        scaled = loss if scaler is None else scaler.scale(loss)
        (gradient,) = torch.autograd.grad(scaled, by, allow_unused=True, materialize_grads=True)
        return gradient

    def synchronised(self, now: bool) -> contextlib.AbstractContextManager[Any]:
        """Return a context for one forward and backward pass.

        # Parameters

        now : sum the gradients of all processes in this pass; otherwise they stay in their process
            until the next pass that sums.
        """
        return contextlib.nullcontext() if now else self.accelerator.no_sync(self.forward)


class _Share(torch.nn.Module):
    """Wrapper of a model for one process's share of a batch, which may be empty or have no loss.

    Every process must take part in the backward pass: a missing loss is replaced by zero.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, progress: float) -> dict[str, Any]:
        """See `Model.forward`."""
        output: dict[str, Any] = self.model(batch, progress) if len(batch) else {}
        if world_size() > 1 and "loss" not in output:
            trainable = next(
                parameter for parameter in self.model.parameters() if parameter.requires_grad
            )
            output["loss"] = 0.0 * trainable.sum()
        return output
