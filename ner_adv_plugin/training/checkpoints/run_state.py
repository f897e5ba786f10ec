"""The training state of a checkpoint: with it a resumed run ends like one never stopped."""

import logging
from collections.abc import Sequence
from typing import Any

import torch

from ner_adv_plugin.common.processes import gather, rank, world_size
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.checkpoints.random_state import random_state, set_random_state
from ner_adv_plugin.training.optimization.optimizers import optimizer_of
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)
# What the trainer itself counts and measures.
COUNTED = ("epoch", "steps_done_in_epoch", "steps_done", "seconds", "metrics")


def run_state(
    trainer: TrainingRun, callbacks: Sequence[TrainerCallback], loader_state: dict[str, Any]
) -> dict[str, Any]:
    """Return the state of a run, in tensors and plain types. All processes call it together.

    # Parameters

    trainer : the run.
    callbacks : those of the config, in its order.
    loader_state : that of the data loader before the present epoch was planned.
    """
    scaler = trainer.accelerator.scaler
    return {
        **{name: getattr(trainer, name) for name in COUNTED},
        "totals": {name: (float(value), count) for name, (value, count) in trainer.totals.items()},
        "tracker": trainer.tracker.state_dict(),
        "data_loader": loader_state,
        "step": trainer.step.state_dict(),
        "optimizer": optimizer_of(trainer.optimizer).state_dict(),
        "gradient_scaler": scaler.state_dict() if scaler else None,
        "learning_rate_scheduler": trainer.scheduler.state_dict() if trainer.scheduler else None,
        "moving_average": trainer.moving_average.state_dict() if trainer.moving_average else None,
        "instance_weighting": {
            name: own.state_dict() for name, own in trainer.instance_weighting.items()
        },
        "callbacks": [callback.state_dict() for callback in callbacks],
        "random": gather(random_state()),
    }


def restore(
    trainer: TrainingRun, callbacks: Sequence[TrainerCallback], state: dict[str, Any]
) -> None:
    """Restore what `run_state` returned."""
    for name in (*COUNTED, "totals"):
        setattr(trainer, name, state[name])

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
    for name, weighting in trainer.instance_weighting.items():
        weighting.load_state_dict(state["instance_weighting"][name])
    for callback, kept in zip(callbacks, state["callbacks"], strict=True):
        callback.load_state_dict(kept)

    _restore_random(state["random"])
    logger.info("resuming at epoch %d, step %d", trainer.epoch + 1, trainer.steps_done_in_epoch)


def _restore_random(states: list[dict[str, Any]]) -> None:
    """Restore the random generators; warn if the run cannot be repeated to the last digit."""
    for what, before, now in (
        ("processes", len(states), world_size()),
        ("threads", states[0]["threads"], torch.get_num_threads()),
    ):
        if before != now:
            logger.warning(
                "the run used %d %s, this one %d: results may differ in the last digits",
                before,
                what,
                now,
            )
    set_random_state(states[rank() % len(states)])
