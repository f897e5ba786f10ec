"""What `--recover` may change: a changed run ends like one that was started with the change."""

import json
import logging
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.trainer import Trainer
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import DATA, assert_same_weights, tiny_config

STEPS = 5
CURVES = {"type": "tensorboard", "summary_interval": 1}
HEALTH = {"type": "reversal_health"}


def config_of_run(**overrides: Any) -> dict[str, Any]:
    """Make a config whose steps do not depend on the number of epochs, with much state."""
    settings = {
        "dataset_reader__readers__weibo__max_instances": 25,
        "trainer__num_epochs": 2,
        "trainer__num_gradient_accumulation_steps": 2,
        "trainer__learning_rate_scheduler": {"type": "constant_with_warmup", "warmup": 3},
        "trainer__callbacks": [CURVES],
        "model__objectives": [{"type": "domain_adversarial"}],
        "data_loader__sampler": {"type": "uniform", "instances_per_epoch": 40},
        "data_loader__batch_size": 4,
    }
    return tiny_config(**{**settings, **overrides})


def recover(folder: Path, **overrides: Any) -> None:
    """Recover a run in a later second, as TensorBoard's event files need."""
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config_of_run(**overrides), folder, recover=True)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs; copy it before use."""
    folder = tmp_path_factory.mktemp("two")
    train_model(config_of_run(), folder)
    return folder


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four")
    train_model(config_of_run(trainer__num_epochs=4), folder)
    return folder


@pytest.fixture
def run(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "run"))


def error_of(folder: Path, **overrides: Any) -> ConfigurationError:
    """Return the error of a recovery, which must leave the folder as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigurationError) as caught:
        recover(folder, **overrides)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return caught.value


def test_more_epochs_after_a_finished_run(
    run: Path, four: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        recover(run, trainer__num_epochs=4)
    assert "trainer.num_epochs: 2 -> 4" in caplog.messages
    assert differences(run, four) == []


def test_more_epochs_of_a_run_stopped_within_an_epoch(tmp_path: Path, four: Path) -> None:
    with stopping_before(STEPS + 3):
        train_model(config_of_run(), tmp_path)
    with stopping_before(STEPS):
        recover(tmp_path, trainer__num_epochs=3)
    recover(tmp_path, trainer__num_epochs=4)
    assert differences(tmp_path, four) == []


def test_more_epochs_with_calibration(tmp_path: Path) -> None:
    settings = {"trainer__calibration": "temperature", "trainer__validation_metric": "-weibo_loss"}
    for name, epochs in (("once", [3]), ("twice", [1, 3])):
        for number in epochs:
            recover(tmp_path / name, trainer__num_epochs=number, **settings)
    assert differences(tmp_path / "twice", tmp_path / "once") == []


def test_fewer_epochs(tmp_path: Path, two: Path) -> None:
    with stopping_before(STEPS + 2):
        train_model(config_of_run(trainer__num_epochs=4), tmp_path)
    recover(tmp_path)
    assert differences(tmp_path, two) == []


def test_fewer_epochs_than_are_done(run: Path) -> None:
    error = error_of(run, trainer__num_epochs=1)
    assert (
        error.path == "trainer.num_epochs"
        and "2 -> 1, but the run is already in epoch 2" in str(error)
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {"trainer__learning_rate_scheduler": {"type": "linear_with_warmup"}},
            "trainer.learning_rate_scheduler",
        ),
        (
            {"trainer__learning_rate_scheduler": {"type": "constant_with_warmup", "warmup": 0.5}},
            "trainer.learning_rate_scheduler",
        ),
        (
            {
                "model__objectives": [
                    {"type": "domain_adversarial"},
                    {"type": "domain_adversarial", "reversal": {"type": "dann"}},
                ]
            },
            "model.objectives.1.reversal",
        ),
        (
            {
                "model__objectives": [
                    {"type": "domain_adversarial", "schedule": {"type": "linear_warmup"}}
                ]
            },
            "model.objectives.0.schedule",
        ),
        (
            {
                "data_loader__sampler": {
                    "type": "curriculum",
                    "start": {"weibo": 1, "msra": 1, "msr": 2},
                    "end": {"weibo": 1, "msra": 1, "msr": 1},
                }
            },
            "data_loader.sampler",
        ),
    ],
)
def test_what_depends_on_the_number_of_epochs_is_named(
    tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    train_model(config_of_run(trainer__num_epochs=1, **settings), tmp_path)
    error = error_of(tmp_path, trainer__num_epochs=2, **settings)
    assert error.path == "trainer.num_epochs"
    assert f"1 -> 2 is not possible, as {named} depends on the number of epochs" in error.message


def test_any_number_of_epochs_if_no_step_was_saved(tmp_path: Path) -> None:
    linear = {"trainer__learning_rate_scheduler": {"type": "linear_with_warmup"}}
    with stopping_before(3):
        train_model(config_of_run(trainer__num_epochs=1, **linear), tmp_path / "changed")
    recover(tmp_path / "changed", **linear)
    train_model(config_of_run(**linear), tmp_path / "once")
    assert differences(tmp_path / "changed", tmp_path / "once") == []


def test_another_patience(tmp_path: Path) -> None:
    # The loss at a learning rate of 0 never improves after the first epoch.
    stuck = {"trainer__optimizer__lr": 0.0, "trainer__num_epochs": 6}
    train_model(config_of_run(**stuck, trainer__patience=1), tmp_path / "changed")
    assert not (tmp_path / "changed" / "metrics_epoch_2.json").exists()
    recover(tmp_path / "changed", **stuck, trainer__patience=3)
    assert not (tmp_path / "changed" / "metrics_epoch_4.json").exists()
    train_model(config_of_run(**stuck, trainer__patience=3), tmp_path / "once")
    assert differences(tmp_path / "changed", tmp_path / "once") == []


def test_other_callbacks(run: Path, four: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        recover(run, trainer__num_epochs=3, trainer__callbacks=[HEALTH, CURVES])
        recover(run, trainer__num_epochs=4, trainer__callbacks=[])
    assert "trainer.callbacks: tensorboard -> reversal_health, tensorboard" in caplog.messages
    assert "trainer.callbacks: reversal_health, tensorboard -> none" in caplog.messages
    for name in ("best.th", "checkpoints/model_state_e4_b0.th"):
        assert_same_weights(run / name, four / name)


def test_other_keys_of_callbacks_and_checkpoints(
    run: Path, four: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        recover(
            run,
            trainer__num_epochs=4,
            trainer__callbacks=[{**CURVES, "summary_interval": 2}],
            trainer__checkpointer={"save_every_num_batches": 2, "keep_most_recent_by_count": 1},
            evaluate_on_test=False,
        )
    assert "trainer.callbacks.0.summary_interval: 1 -> 2" in caplog.messages
    assert "evaluate_on_test: true -> false" in caplog.messages
    assert_same_weights(run / "best.th", four / "best.th")
    assert len(list((run / "checkpoints").iterdir())) == 2


def test_on_a_smaller_machine(run: Path, four: Path, caplog: pytest.LogCaptureFixture) -> None:
    limits = {"trainer__threads": 1, "trainer__max_tokens_per_pass": 60}
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        recover(run, trainer__num_epochs=4, **limits)
    assert "trainer.threads: null -> 1" in caplog.messages
    assert "trainer.max_tokens_per_pass: null -> 60" in caplog.messages
    # Only dropout masks and rounding differ.
    losses = [
        json.loads((folder / "metrics_epoch_3.json").read_text())["training_loss"]
        for folder in (run, four)
    ]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.2)


def test_a_default_written_out_is_no_change(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"), pytest.MonkeyPatch.context() as p:
        p.delattr(Trainer, "train_step")
        recover(run, trainer__patience=None, trainer__grad_norm=None, random_seed=13370)
    assert not [message for message in caplog.messages if " -> " in message]


@pytest.mark.parametrize(
    ("settings", "path", "values"),
    [
        (
            {"trainer__optimizer__lr": 0.5},
            "trainer.optimizer.lr",
            "0.02, but the config now has 0.5",
        ),
        ({"random_seed": 1}, "random_seed", "13370, but the config now has 1"),
        (
            {"trainer__validation_metric": "-weibo_loss"},
            "trainer.validation_metric",
            "'+weibo_f1', but the config now has '-weibo_loss'",
        ),
        ({"data_loader__batch_size": 8}, "data_loader.batch_size", "4, but the config now has 8"),
    ],
)
def test_what_may_not_change_is_named_with_both_values(
    run: Path, settings: dict[str, Any], path: str, values: str
) -> None:
    error = error_of(run, **settings)
    assert error.path == path and f"the run started with {values}." in error.message
    assert "May change: trainer.num_epochs, trainer.patience, " in error.message


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_changed_data_is_refused_by_the_name_of_its_file(tmp_path: Path, split: str) -> None:
    key = f"{split}_data_path"
    original = Path(config_of_run()[key]["weibo"])
    copy = tmp_path / "copy.txt"
    shutil.copy(original, copy)
    settings = {f"{key}__weibo": str(copy), "trainer__num_epochs": 1}
    train_model(config_of_run(**settings), tmp_path / "run")
    with open(copy, "a", encoding="utf-8") as file:
        file.write("\n好0\tO\n")
    error = error_of(tmp_path / "run", **settings)
    assert error.path == f"{key}.weibo"
    assert f"the content of {copy} is not that with which the run started: SHA-256 " in str(error)
    other = str(DATA / "people_daily" / "example.dev")
    error = error_of(tmp_path / "run", **{**settings, f"{key}__weibo": other})
    assert error.path == f"{key}.weibo" and f"the content of {other} is not that" in str(error)
    # The same content elsewhere is the same corpus.
    recover(tmp_path / "run", **{**settings, f"{key}__weibo": str(original)})
    saved = json.loads((tmp_path / "run" / "config.json").read_text("utf-8"))
    assert saved[key]["weibo"] == str(original)


def test_runs_without_digests_can_be_recovered(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    (run / "data.json").unlink()
    recover(run)
    assert f"{run} has no data.json: whether its corpora have changed is unknown" in caplog.text
    (run / "data.json").unlink()
    paths = {"train_data_path__weibo": config_of_run()["test_data_path"]["weibo"]}
    assert error_of(run, **paths).path == "train_data_path.weibo"
