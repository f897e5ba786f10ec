"""Distributed training: ranks, and communication between processes.

A launcher (`accelerate launch`, `torchrun`) starts the processes, with their ranks in environment
variables. With a single process all functions of this module are trivial.
"""

import gc
import os
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import distributed

from ner_adv_plugin.common.errors import ConfigurationError, UserError

T = TypeVar("T")


def launched_processes() -> int:
    """Return the number of processes started by a launcher; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def launched() -> bool:
    """Return whether a launcher started this process as one of several."""
    return launched_processes() > 1


def check_adds_up(part: type[Any], processes: int) -> None:
    """Check that a component can be used with several processes.

    # Parameters

    part : the class of an objective or step; its `adds_up` says whether its losses and gradients
        add up over processes.
    processes : the number of processes.

    # Raises

    ConfigurationError : if there are several processes and the component needs the whole batch.
    """
    if processes > 1 and not part.adds_up:
        raise ConfigurationError(
            f"{part.__name__} needs the whole batch at once: run it on one process"
        )


def use_cpu(cuda_device: int | None) -> bool:
    """Return whether to run on the CPU: by setting, by launcher, or because there is no GPU."""
    forced = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    return cuda_device == -1 or forced or not torch.cuda.is_available()


def join(cuda_device: int | None) -> None:
    """Initialise communication if a launcher started several processes."""
    if launched() and not distributed.is_initialized():
        # Its functions have the default group as a default argument: imported any later, they would
        # keep the group, and with it its threads, beyond `leave`.
        import torch.distributed.nn.functional  # noqa: F401
        from accelerate import PartialState

        PartialState(cpu=use_cpu(cuda_device))


def leave() -> None:
    """End communication with the other processes."""
    if distributed.is_initialized():
        # A prepared model keeps the group and its threads alive until it is collected. A thread
        # that asks for the GIL after the interpreter has begun to shut down aborts the process.
        gc.collect()
        distributed.destroy_process_group()


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the rank of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_main() -> bool:
    """Return whether this is the main process, which writes files and prints."""
    return rank() == 0


def gather(value: T) -> list[T]:
    """Return the values of all processes, in the order of their ranks."""
    if world_size() == 1:
        return [value]

    values: list[Any] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return values


def on_main(function: Callable[[], T]) -> T:
    """Call a function on the main process only, and return its result on every process.

    # Raises

    UserError : on every process, if the function raises one.
    """
    if world_size() == 1:
        return function()

    result_and_error: list[Any] = [None, None]
    if is_main():
        try:
            result_and_error[0] = function()
        except UserError as error:
            result_and_error[1] = error
    distributed.broadcast_object_list(result_and_error)

    result, user_error = result_and_error
    if user_error is not None:
        raise user_error
    return typing.cast(T, result)
