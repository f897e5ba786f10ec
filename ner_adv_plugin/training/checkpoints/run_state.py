"""What a checkpoint holds beside the weights, in tensors and plain types: a resumed run ends as one never stopped."""

import logging
from typing import TYPE_CHECKING, Any

import torch

from ner_adv_plugin.common.processes import gather, rank, world_size
from ner_adv_plugin.training.checkpoints.random_state import random_state, set_random_state
from ner_adv_plugin.training.optimization.optimizers import optimizer_of

if TYPE_CHECKING:
    from ner_adv_plugin.training.gradient_descent_trainer import GradientDescentTrainer

logger = logging.getLogger(__name__)
# What the trainer itself counts.
COUNTED = ("epoch", "steps_done_in_epoch", "steps_done", "seconds", "metrics")


def run_state(trainer: "GradientDescentTrainer", loader_state: dict[str, Any]) -> dict[str, Any]:
    """The state of a run; every process must ask for it.

    # Parameters

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
        "instance_weighting": {name: own.state_dict() for name, own in trainer.instance_weighting.items()},
        "callbacks": [callback.state_dict() for callback in trainer.configured_callbacks],
        "random": gather(random_state()),
    }


def restore(trainer: "GradientDescentTrainer", state: dict[str, Any]) -> None:
    """Take up a run where `run_state` found it."""
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
    for callback, kept in zip(trainer.configured_callbacks, state["callbacks"], strict=True):
        callback.load_state_dict(kept)
    _restore_chance(state["random"])
    logger.info("resuming at epoch %d, step %d", trainer.epoch + 1, trainer.steps_done_in_epoch)


def _restore_chance(states: list[dict[str, Any]]) -> None:
    for what, before, now in (
        ("processes", len(states), world_size()),
        ("threads", states[0]["threads"], torch.get_num_threads()),
    ):
        if before != now:
            logger.warning("the run used %d %s, this one %d: results may differ in the last digits", before, what, now)
    set_random_state(states[rank() % len(states)])
