"""A GPU made of the CPU: finds tensors on the wrong device, and host-device synchronisations.

Tensors of the fake GPU say that they are on "cuda:0", and hold their values in a tensor on the CPU.
Every operation is computed, so that steps take the same branches as on a GPU. An operation that
reads tensors of both devices fails, as on a GPU, and with it a tensor created without a device.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
# The device that torch itself sees: autograd has no support for "cuda" in a build without CUDA.
_INNER = torch.device("meta")
_PACKAGE = f"{Path(__file__).resolve().parents[1]}/ner_adv_plugin/"
_ATEN = torch.ops.aten
# Copies between devices; all other operations must stay on one.
_COPIES = (_ATEN._to_copy.default, _ATEN.copy_.default)
# Operations that also read lengths on the host.
_PACKING = ("_pack_padded_sequence", "_pad_packed_sequence", "_pack_padded_sequence_backward")
# Operations that copy indices to the device.
_INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")
# The size of the result, or the result itself, must be known on the host.
_ON_HOST = (
    "_local_scalar_dense",
    "equal",
    "is_nonzero",
    "masked_select",
    "nonzero",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
)

# What torch says of the GPU.
_CUDA: dict[str, Callable[..., Any]] = {
    "_lazy_init": lambda: None,
    "is_available": lambda: True,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "set_device": lambda device: None,
    "is_current_stream_capturing": lambda: False,
    "get_device_properties": lambda device=None: SimpleNamespace(
        total_memory=80 << 30, major=9, minor=0
    ),
}


class GpuTensor(Tensor):
    """A tensor of the fake GPU.

    # Parameters

    values : its values, on the CPU.
    """

    values: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, values: Tensor) -> "GpuTensor":
        tensor: GpuTensor = Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=_INNER,
        )
        tensor.values = values
        return tensor

    device = property(lambda self: GPU)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_meta = property(lambda self: False)  # type: ignore[assignment]

    def tolist(self) -> Any:
        """Return the values as lists, copied to the host."""
        return self.cpu().tolist()

    def __repr__(self, **settings: Any) -> str:
        return f"GpuTensor({self.values})"

    @classmethod
    def __torch_dispatch__(cls, operation: Any, *arguments: Any) -> Any:
        raise RuntimeError(f"{operation} outside of FakeGpu")


class FakeGpu(TorchDispatchMode):
    """Compute on the fake GPU, and count what makes the host wait for it.

    # Parameters

    synchronisations : for each kind and place, how often the host waited; a place is the nearest
        line of the package, as "modules/heads/crf.py:negative_log_likelihood".
    """

    def __init__(self) -> None:
        super().__init__()
        self.synchronisations: Counter[tuple[str, str]] = Counter()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        on_gpu = any(isinstance(tensor, GpuTensor) for tensor in tensors)
        result_on_gpu = on_gpu
        if kwargs.get("device") is not None:
            result_on_gpu = torch.device(kwargs["device"]).type in (GPU.type, _INNER.type)
            kwargs = {**kwargs, "device": "cpu"}

        name = operation.overloadpacket.__name__
        if any(tensor.is_meta for tensor in tensors):
            raise RuntimeError(f"{operation} on {GPU} reads a list, which the host waits to copy")
        if operation not in _COPIES and name not in (*_PACKING, *_INDEXING):
            _check_devices(operation, tensors, result_on_gpu, kwargs)
        if waits := _waits(operation, args, kwargs, on_gpu, result_on_gpu):
            self.synchronisations[waits, _place()] += 1

        result = operation(*tree_map(_values, args), **tree_map(_values, kwargs))
        wrapped = _wrapped(operation, args, kwargs, result, result_on_gpu)
        # Of a packed sequence, the lengths are on the host.
        return (wrapped[0], result[1]) if name in _PACKING[:2] else wrapped


@contextlib.contextmanager
def fake_gpu() -> Iterator[FakeGpu]:
    """Return a context with a fake GPU, to which modules and batches can be moved."""
    swapped = torch.__future__.get_swap_module_params_on_conversion()
    lifted = torch._C._only_lift_cpu_tensors()
    # Parameters stay the same objects when they are moved, as on a GPU. `torch.tensor` must leave
    # the copy to the device to the mode.
    torch.__future__.set_swap_module_params_on_conversion(True)
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with contextlib.ExitStack() as stack:
            for name, value in _CUDA.items():
                stack.enter_context(mock.patch.object(torch.cuda, name, value))
            # In inference mode a dispatch mode sees operations that do not say where they copy to.
            stack.enter_context(mock.patch.object(torch, "inference_mode", torch.no_grad))
            yield stack.enter_context(FakeGpu())
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swapped)
        torch._C._set_only_lift_cpu_tensors(lifted)


def _values(argument: Any) -> Any:
    return argument.values if isinstance(argument, GpuTensor) else argument


def _wrapped(operation: Any, args: Any, kwargs: Any, result: Any, on_gpu: bool) -> Any:
    """Return the result as tensors of the fake GPU; an argument that was written to as itself."""
    written = {
        id(leaf.values): leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, GpuTensor)
    }

    def wrap(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if id(value) in written:
            return written[id(value)]
        return GpuTensor(value) if on_gpu else value

    return tree_map(wrap, result)


def _check_devices(operation: Any, tensors: list[Tensor], on_gpu: bool, kwargs: Any) -> None:
    """Fail if an operation of the GPU reads tensors or random numbers of the CPU."""
    # Elementwise operations accept numbers, which are tensors without a dimension.
    numbers = torch.Tag.pointwise in operation.tags
    foreign = [
        tensor
        for tensor in tensors
        if not isinstance(tensor, GpuTensor) and not (numbers and tensor.dim() == 0)
    ]
    if on_gpu and foreign:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in foreign)
        raise RuntimeError(f"{operation} on {GPU} reads a tensor of the CPU, {shapes}")
    generator = kwargs.get("generator")
    if on_gpu and generator is not None and generator.device.type != GPU.type:
        raise RuntimeError(f"{operation} on {GPU} draws from a generator of the CPU")


def _waits(operation: Any, args: Any, kwargs: Any, on_gpu: bool, result_on_gpu: bool) -> str | None:
    """Return why the host waits for the GPU in an operation; None if it does not."""
    name = operation.overloadpacket.__name__
    if operation is _ATEN.copy_.default:
        from_gpu, to_gpu = isinstance(args[1], GpuTensor), isinstance(args[0], GpuTensor)
        blocks = not (args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
        if from_gpu != to_gpu and blocks:
            return "to the device" if to_gpu else "to the host"
    if operation is _ATEN._to_copy.default and on_gpu != result_on_gpu:
        if on_gpu:
            return "to the host"
        return None if kwargs.get("non_blocking") else "to the device"
    if not on_gpu:
        return None

    if name in _ON_HOST:
        return name
    if name == "repeat_interleave" and kwargs.get("output_size") is None:
        return name
    if name in _INDEXING:
        indices = [own for own in args[1] if own is not None]
        if not all(isinstance(own, GpuTensor) for own in indices):
            return "indices to the device"
        # A number is written with `masked_fill`.
        if any(own.dtype == torch.bool for own in indices) and (name == "index" or args[2].dim()):
            return "mask"
    return None


def _place() -> str:
    """Return the nearest function of the package on the stack."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            file = frame.f_code.co_filename.removeprefix(_PACKAGE)
            return f"{file}:{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "outside"
