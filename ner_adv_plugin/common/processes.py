"""Several processes that train one model: who is who, and what they tell one another.

A launcher (`accelerate launch`, `torchrun`) starts them with their ranks in the environment. With one process
everything here does nothing.
"""

import gc
import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import distributed

from ner_adv_plugin.common.errors import ConfigurationError, UserError

T = TypeVar("T")


def launched_processes() -> int:
    """How many processes a launcher started, this one among them; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def launched() -> bool:
    """Whether a launcher started this process as one of several."""
    return launched_processes() > 1


def check_adds_up(part: type[Any], processes: int) -> None:
    """`ConfigurationError` if there are several processes and a part does not add up over them.

    # Parameters

    part : an objective's or a step's class, whose `adds_up` says so.
    processes : how many train together.
    """
    if processes > 1 and not part.adds_up:
        raise ConfigurationError(
            f"{part.__name__} needs the whole batch at once: run it on one process"
        )


def use_cpu(cuda_device: int | None) -> bool:
    """Whether a setting of `cuda_device` means the CPU here; a launcher's word counts too."""
    asked = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    return cuda_device == -1 or asked or not torch.cuda.is_available()


def join(cuda_device: int | None) -> None:
    """Meet the other processes, where a launcher started several."""
    if launched() and not distributed.is_initialized():
        # Its functions have the default group as a default argument: imported any later, they would
        # keep the group, and with it its threads, beyond `leave`.
        import torch.distributed.nn.functional  # noqa: F401
        from accelerate import PartialState

        PartialState(cpu=use_cpu(cuda_device))


def leave() -> None:
    """Part from the other processes."""
    if distributed.is_initialized():
        # A prepared model keeps the group and its threads alive until it is collected. A thread
        # that asks for the GIL after the interpreter has begun to shut down aborts the process.
        gc.collect()
        distributed.destroy_process_group()


def world_size() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_main() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0


def gather(value: T) -> list[T]:
    """The value of every process, in the order of their ranks."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return values


def on_main(function: Callable[[], T]) -> T:
    """What the main process gets from a function, or the error it meets, in every process."""
    if world_size() == 1:
        return function()
    outcome: list[Any] = [None, None]
    if is_main():
        try:
            outcome[0] = function()
        except UserError as error:
            outcome[1] = error
    distributed.broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    result: T = outcome[0]
    return result
