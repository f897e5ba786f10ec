"""State of a run in its checkpoints: a resumed run ends exactly like an uninterrupted one."""

import logging
from collections.abc import Sequence
from typing import Any

import torch

from ner_adv_plugin.common.processes import gather, is_main, on_main, rank, world_size
from ner_adv_plugin.common.threads import set_recorded
from ner_adv_plugin.models.weights import check_weights
from ner_adv_plugin.modules.statistics import as_numbers
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.checkpoints.checkpointer import Checkpointer
from ner_adv_plugin.training.checkpoints.random_state import random_state, set_random_state
from ner_adv_plugin.training.optimization.optimizers import optimizer_of
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)
# Attributes of the trainer itself.
COUNTED = ("epoch", "steps_done_in_epoch", "steps_done", "seconds", "metrics")
# The folder of the checkpoints, in the folder of the run.
FOLDER = "checkpoints"


def save_checkpoint(
    checkpointer: Checkpointer,
    trainer: TrainingRun,
    callbacks: Sequence[TrainerCallback],
    loader_state: dict[str, Any],
) -> None:
    """Write a checkpoint of a run; every process must call it.

    # Parameters

    checkpointer : writes the files.
    trainer, callbacks, loader_state : see `run_state`.
    """
    state = run_state(trainer, callbacks, loader_state)
    if is_main():
        checkpointer.save(
            trainer.folder / FOLDER,
            trainer.epoch,
            trainer.steps_done_in_epoch,
            trainer.model.state_dict(),
            state,
        )


def resume_latest(
    checkpointer: Checkpointer, trainer: TrainingRun, callbacks: Sequence[TrainerCallback]
) -> None:
    """Restore the latest checkpoint of a run, if there is one.

    # Parameters

    checkpointer : finds and reads the files.
    trainer, callbacks : see `restore`.
    """
    folder = trainer.folder
    checkpoint = on_main(lambda: checkpointer.load_latest(folder / FOLDER))
    if checkpoint is None:
        logger.info("no checkpoint in %s: starting from the beginning", folder)
        return

    model_state, state = checkpoint
    check_weights(trainer.model, model_state, f"{folder}: the latest checkpoint")
    trainer.model.load_state_dict(model_state)
    restore(trainer, callbacks, state)


def run_state(
    trainer: TrainingRun, callbacks: Sequence[TrainerCallback], loader_state: dict[str, Any]
) -> dict[str, Any]:
    """Return the state of a run, in tensors and plain types; every process must call it.

    # Parameters

    trainer : the run.
    callbacks : callbacks of the config, in its order.
    loader_state : state of the data loader before the current epoch was planned.
    """
    scaler = trainer.accelerator.scaler
    return {
        **{name: getattr(trainer, name) for name in COUNTED},
        "max_tokens": trainer.max_tokens,
        "max_tokens_per_pass": trainer.max_tokens_per_pass,
        "totals": as_numbers(trainer.totals),
        "tracker": trainer.tracker.state_dict(),
        "data_loader": loader_state,
        "step": trainer.step.state_dict(),
        "optimizer": optimizer_of(trainer.optimizer).state_dict(),
        "gradient_scaler": scaler.state_dict() if scaler else None,
        "learning_rate_scheduler": trainer.scheduler.state_dict() if trainer.scheduler else None,
        "moving_average": trainer.moving_average.state_dict() if trainer.moving_average else None,
        "l2_sp": trainer.l2_sp.state_dict() if trainer.l2_sp else None,
        "instance_weighting": {
            name: own.state_dict() for name, own in trainer.instance_weighting.items()
        },
        "callbacks": [callback.state_dict() for callback in callbacks],
        "callback_types": [_name(callback) for callback in callbacks],
        "random": gather(random_state()),
    }


def restore(
    trainer: TrainingRun, callbacks: Sequence[TrainerCallback], state: dict[str, Any]
) -> None:
    """Restore a state from `run_state`.

    # Parameters

    trainer : a run that has not started; its config may differ as `runs.resuming` allows.
    callbacks : callbacks of the config, in its order. The n-th callback of a class takes the state
        of the n-th one of that class; the state of a callback that is left out is dropped.
    state : the state.
    """
    for name in (*COUNTED, "totals"):
        setattr(trainer, name, state[name])
    # Without a setting the limit depends on the machine, which may be another one now. Checkpoints
    # of earlier versions have no limit.
    if state.get("max_tokens_per_pass") == trainer.max_tokens_per_pass:
        trainer.max_tokens = state.get("max_tokens", trainer.max_tokens)

    trainer.tracker.load_state_dict(state["tracker"])
    trainer.data_loader.load_state_dict(state["data_loader"])
    trainer.step.load_state_dict(state["step"])
    optimizer_of(trainer.optimizer).load_state_dict(state["optimizer"])
    if trainer.accelerator.scaler and state["gradient_scaler"]:
        trainer.accelerator.scaler.load_state_dict(state["gradient_scaler"])
    if trainer.scheduler is not None:
        trainer.scheduler.load_state_dict(state["learning_rate_scheduler"])
    if trainer.moving_average is not None:
        trainer.moving_average.load_state_dict(state["moving_average"])
    if trainer.l2_sp is not None:
        trainer.l2_sp.load_state_dict(state["l2_sp"])
    for name, weighting in trainer.instance_weighting.items():
        weighting.load_state_dict(state["instance_weighting"][name])
    _restore_callbacks(callbacks, state)

    _restore_random(state["random"])
    logger.info("resuming at epoch %d, step %d", trainer.epoch + 1, trainer.steps_done_in_epoch)


def _restore_callbacks(callbacks: Sequence[TrainerCallback], state: dict[str, Any]) -> None:
    """Give each callback the state of the callback of its class."""
    # A checkpoint of version 0.2.0 does not name the classes.
    names = state.get("callback_types") or [_name(callback) for callback in callbacks]
    kept: dict[str, list[dict[str, Any]]] = {}
    for name, own in zip(names, state["callbacks"], strict=False):
        kept.setdefault(name, []).append(own)

    for callback in callbacks:
        if states := kept.get(_name(callback)):
            callback.load_state_dict(states.pop(0))


def _name(callback: TrainerCallback) -> str:
    return f"{type(callback).__module__}.{type(callback).__qualname__}"


def _restore_random(states: list[dict[str, Any]]) -> None:
    """Restore the random generators and threads; warn if results may not be reproduced exactly."""
    set_recorded(states[0]["threads"])
    for noun, before, now in (
        ("processes", len(states), world_size()),
        ("threads", states[0]["threads"], torch.get_num_threads()),
    ):
        if before != now:
            logger.warning(
                "the checkpoint was written with %d %s, this run has %d: results may differ in the"
                " last digits",
                before,
                noun,
                now,
            )

    set_random_state(states[rank() % len(states)])
