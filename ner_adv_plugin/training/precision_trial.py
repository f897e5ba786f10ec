"""Choice of the precision by a trial: `precision: 'auto'`."""

import copy
import json
import logging
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.bf16 import supports_bf16
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.memory import release_memory
from ner_adv_plugin.common.processes import is_main, on_main
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.training.accelerator import Precision
from ner_adv_plugin.training.checkpoints.random_state import random_state, set_random_state
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.step import TrainingStep

logger = logging.getLogger(__name__)
# The choice of a run, in its folder.
FILE = "precision.json"
# Steps of each precision.
STEPS = 10
CHOICES: tuple[Precision, ...] = ("fp32", "bf16")


def choose_precision(
    engine: Engine,
    step: TrainingStep,
    batches: Callable[[], Sequence[Sequence[Batch]]],
    folder: Path,
    recover: bool,
) -> Precision:
    """Choose between float32 and bfloat16; every process must call it.

    A run that is resumed keeps the precision that it began with. On a device without instructions
    for bfloat16 the choice is "fp32". Otherwise both are timed on copies of model and step, and the
    quicker one is chosen. The choice is written to `precision.json` in the folder of the run.

    # Parameters

    engine : engine of the run in float32. Its model does not change, nor do random generators.
    step : training step of the run, which does not change.
    batches : makes the micro-batches of optimizer steps, on the device.
    folder : folder of the run.
    recover : whether the run is resumed.

    # Returns

    The precision, the same in every process.

    # Raises

    UserError : `precision.json` is not valid.
    """
    path = folder / FILE
    recorded = on_main(lambda: _recorded(path)) if recover else None
    if recorded is not None:
        logger.info("precision: %s, with which the run began", recorded)
        return recorded

    seconds: dict[Precision, float] = {}
    if on_main(lambda: supports_bf16(engine.device)):
        before = random_state()
        seconds = time_steps(_copy(engine), copy.deepcopy(step), batches())
        set_random_state(before)
        release_memory()

    # The clocks of processes differ: the main process decides.
    chosen = on_main(lambda: _quicker(seconds))
    if seconds:
        measured = ", ".join(f"{own:.3f} s in {name}" for name, own in seconds.items())
        logger.info("precision: %s; a step takes %s (median of %d)", chosen, measured, STEPS)
    else:
        logger.info("precision: fp32; this %s has no bf16", engine.device.type.upper())
    if is_main():
        write_json(path, {"precision": chosen, "seconds": seconds})
    return chosen


def time_steps(
    engine: Engine, step: TrainingStep, batches: Sequence[Sequence[Batch]]
) -> dict[Precision, float]:
    """Time the forward and backward passes of steps in both precisions, by turns.

    # Parameters

    engine : runs the passes in float32; its model gets gradients, which are removed.
    step : the training step.
    batches : micro-batches of optimizer steps, repeated if they are fewer than `STEPS`.

    # Returns

    Median seconds of a step, by precision.
    """
    seconds: dict[Precision, list[float]] = {precision: [] for precision in CHOICES}
    plain = engine.forward
    for index in range(STEPS):
        for precision, own in seconds.items():
            low = _in_bf16(plain, engine.device)
            engine.forward = low if precision == "bf16" else plain
            started = _clock(engine.device)
            step.run(engine, batches[index % len(batches)], 0.0)
            own.append(_clock(engine.device) - started)
            engine.model.zero_grad()
    return {precision: statistics.median(own) for precision, own in seconds.items()}


def _quicker(seconds: Mapping[Precision, float]) -> Precision:
    """Return the quicker precision; float32 if they are equal, or there was no trial."""
    return min(CHOICES, key=lambda precision: seconds.get(precision, 0.0))


def _copy(engine: Engine) -> Engine:
    """Return an engine with a copy of the model, in training mode."""
    own = copy.copy(engine)
    vocab = engine.model.vocab
    own.model = copy.deepcopy(engine.model, {id(vocab): vocab}).train()
    own.forward = own.model
    return own


def _in_bf16(
    forward: Callable[[Batch, float], Mapping[str, Any]], device: torch.device
) -> Callable[[Batch, float], Mapping[str, Any]]:
    def low(batch: Batch, progress: float) -> Mapping[str, Any]:
        with torch.autocast(device.type, torch.bfloat16):
            return forward(batch, progress)

    return low


def _clock(device: torch.device) -> float:
    """Return the time in seconds at which the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _recorded(path: Path) -> Precision | None:
    """Return the choice that a run has written; None if it has not."""
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["precision"]
        return CHOICES[CHOICES.index(found)]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'{path}: expected {{"precision": "fp32"}} or "bf16"; train again in another folder'
        ) from error
