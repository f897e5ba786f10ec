"""A stopped and recovered run ends exactly like an uninterrupted one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.checkpoints import checkpointer
from ner_adv_plugin.training.trainer import Trainer
from tests.same_run import curves, differences
from tests.stopping import Stopped, stopping_before
from tests.tiny import tiny_config, weights

EPOCHS, STEPS = 3, 5


def config_of_run() -> dict[str, Any]:
    """Make a config with much randomness and state.

    It has dropout, momentum, schedules, a stateful sampler and gradient accumulation.
    """
    return tiny_config(
        dataset_reader__readers__weibo__max_instances=25,
        trainer__num_epochs=EPOCHS,
        trainer__patience=5,
        trainer__num_gradient_accumulation_steps=2,
        trainer__learning_rate_scheduler={"type": "cosine_with_warmup", "warmup": 0.2},
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
        model__objectives=[{"type": "domain_adversarial", "reversal": {"type": "dann"}}],
        data_loader__sampler={"type": "uniform", "instances_per_epoch": 40},
        data_loader__batch_size=4,
    )


@contextmanager
def stopping_at_file(name: str) -> Iterator[None]:
    """Context in which training stops before the checkpointer writes a file."""
    write = checkpointer.write_file

    def watched(path: Path, make: Any) -> None:
        if path.name == name:
            raise Stopped
        write(path, make)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(checkpointer, "write_file", watched)
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    train_model(config_of_run(), folder)
    return folder


def recover(folder: Path) -> None:
    """Recover a run in a later second.

    TensorBoard reads event files of the same second in no defined order.
    """
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config_of_run(), folder, recover=True)


def test_the_curves_have_a_point_every_step(uninterrupted: Path) -> None:
    train = curves(uninterrupted, "train")
    for tag in ("optimized_loss", "reversal_scale"):
        assert [step for step, _ in train[tag]] == list(range(STEPS * EPOCHS))
    assert len(curves(uninterrupted, "validation")["weibo_loss"]) == EPOCHS


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(STEPS + 1, id="between epochs"),
        pytest.param(3, id="mid-epoch, checkpoint just written"),
        pytest.param(STEPS + 4, id="mid-epoch, a step after the checkpoint"),
        pytest.param(2, id="before the first checkpoint"),
    ],
)
def test_stopped_once(tmp_path: Path, uninterrupted: Path, step: int) -> None:
    with stopping_before(step):
        train_model(config_of_run(), tmp_path)
    recover(tmp_path)
    assert differences(tmp_path, uninterrupted) == []


@pytest.mark.slow
def test_stopped_again_and_again(tmp_path: Path, uninterrupted: Path) -> None:
    for _ in range(4):
        with stopping_before(4):
            recover(tmp_path)
    recover(tmp_path)
    assert differences(tmp_path, uninterrupted) == []


@pytest.mark.parametrize(
    "name",
    [
        # The best weights of a finished epoch are written, its checkpoint is not.
        "model_state_e2_b0.th",
        # Half a checkpoint, within an epoch and after one.
        "training_state_e1_b2.th",
        "training_state_e2_b0.th",
    ],
)
@pytest.mark.slow
def test_stopped_while_a_checkpoint_is_written(
    tmp_path: Path, uninterrupted: Path, name: str
) -> None:
    with stopping_at_file(name):
        train_model(config_of_run(), tmp_path)
    recover(tmp_path)
    assert differences(tmp_path, uninterrupted) == []


def test_recovering_an_empty_folder_starts_at_the_beginning(
    tmp_path: Path, uninterrupted: Path
) -> None:
    recover(tmp_path)
    assert differences(tmp_path, uninterrupted) == []


def test_recovering_a_finished_run_tests_and_archives_again(
    tmp_path: Path, uninterrupted: Path
) -> None:
    train_model(config_of_run(), tmp_path)
    for name in ("metrics.json", "model.tar.gz"):
        (tmp_path / name).unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(Trainer, "train_step")
        recover(tmp_path)
    assert differences(tmp_path, uninterrupted) == []


def test_states_hold_tensors_and_plain_types_only(uninterrupted: Path) -> None:
    def check(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, child in value.items():
                assert type(key) in (str, int), path
                check(child, f"{path}.{key}")
        elif isinstance(value, list | tuple):
            for i, child in enumerate(value):
                check(child, f"{path}.{i}")
        else:
            assert type(value) in (torch.Tensor, str, int, float, bool, type(None)), path

    state: dict[str, Any] = weights(
        uninterrupted / "checkpoints" / f"training_state_e{EPOCHS}_b0.th"
    )
    check(state, "")
    assert set(state["data_loader"]["drawn"]) == {"weibo", "msra", "msr"}
