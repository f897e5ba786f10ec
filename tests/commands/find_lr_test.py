"""`allennlp find-lr`."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from ner_adv_plugin.training.trainer import Trainer
from tests.commands.conftest import Run
from tests.tiny import single_task_config, tiny_config, write_config

SHORT = ("--num-batches", "11")


def small(**overrides: Any) -> dict[str, Any]:
    return single_task_config(
        dataset_reader__max_instances=12, model__encoder__embedding_dim=8, **overrides
    )


@pytest.fixture
def config(tmp_path: Path) -> str:
    return write_config(tmp_path / "small.json", small())


def table(folder: str) -> list[dict[str, float]]:
    with open(Path(folder) / "lr-losses.csv", newline="", encoding="utf-8") as file:
        return [
            {name: float(value) for name, value in sentence.items()}
            for sentence in csv.DictReader(file)
        ]


def test_a_complete_recipe(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search sets the rate of every group despite the schedule, and writes no curves."""
    optimizer = {"type": "adamw", "lr": 0.02, "parameter_groups": [[["^encoder"], {"lr": 0.001}]]}
    recipe = tiny_config(
        trainer__optimizer=optimizer,
        trainer__learning_rate_scheduler={"type": "linear_with_warmup", "warmup": 0.5},
        trainer__callbacks=["tensorboard"],
        trainer__num_epochs=1,
        model__objectives=[
            {"type": "domain_adversarial", "reversal": {"type": "dann", "scale": 0.5}}
        ],
    )
    rates: list[list[float]] = []
    step = Trainer.train_step

    def noted(trainer: Trainer, group: Any) -> Any:
        rates.append([settings["lr"] for settings in trainer.optimizer.param_groups])
        done = step(trainer, group)
        assert rates[-1] == [settings["lr"] for settings in trainer.optimizer.param_groups]
        return done

    monkeypatch.setattr(Trainer, "train_step", noted)
    result = run(
        "find-lr", write_config(tmp_path / "tiny.json", recipe), "-s", "lr", "--num-batches", "24"
    )
    assert result.status == 0, result.err
    sentences = table("lr")
    wanted = np.geomspace(1e-5, 10, 24)
    np.testing.assert_allclose(
        [sentence["learning_rate"] for sentence in sentences], wanted[: len(sentences)], rtol=1e-12
    )
    np.testing.assert_allclose(
        rates, np.stack([wanted / 20, wanted], axis=1)[: len(rates)], rtol=1e-12
    )
    assert {path.name for path in Path("lr").iterdir()} == {
        "lr-losses.png",
        "lr-losses.csv",
        "out.log",
        "vocabulary",
    }
    suggestion, picture = result.out.splitlines()
    assert picture == "plot: lr/lr-losses.png" and imread("lr/lr-losses.png").ndim == 3
    match = re.fullmatch(r"the loss decreases fastest at learning rate (\S+)", suggestion)
    assert match and any(f"{sentence['learning_rate']:.2g}" == match[1] for sentence in sentences)
    # At these rates the loss first decreases and then increases.
    smoothed = [sentence["smoothed_loss"] for sentence in sentences]
    assert min(smoothed) < 0.8 * smoothed[0]


def test_losses_are_those_of_training(run: Run, config: str, tmp_path: Path) -> None:
    """If the rate hardly grows, the search is an epoch of training at this rate."""
    flags = ["--start-lr", "0.02", "--end-lr", "0.0200000001", "--linear"]
    one = '{"data_loader.batch_size": 1, "trainer.num_epochs": 1}'
    assert run("find-lr", config, "-s", "lr", "-o", one, "--num-batches", "12", *flags).status == 0
    assert run("train", config, "-s", "run", "--overrides", one).status == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    mean = np.mean([sentence["loss"] for sentence in table("lr")])
    assert mean == pytest.approx(metrics["training_loss"], rel=1e-5)


def test_rates_follow_the_flags(run: Run, config: str) -> None:
    result = run(
        "find-lr",
        config,
        "--serialization-dir",
        "lr",
        "--start-lr",
        "0.001",
        "--end-lr",
        "0.1",
        *SHORT,
    )
    assert result.status == 0
    np.testing.assert_allclose(
        [sentence["learning_rate"] for sentence in table("lr")], np.geomspace(0.001, 0.1, 11)
    )
    result = run(
        "find-lr",
        config,
        "-s",
        "linear",
        "--start-lr",
        "0.001",
        "--end-lr",
        "0.1",
        "--linear",
        *SHORT,
    )
    assert result.status == 0
    np.testing.assert_allclose(
        [sentence["learning_rate"] for sentence in table("linear")], np.linspace(0.001, 0.1, 11)
    )


def test_stopping_factor(run: Run, config: str) -> None:
    result = run(
        "find-lr",
        config,
        "-s",
        "lr",
        "--end-lr",
        "1000",
        "--num-batches",
        "30",
        "--stopping-factor",
        "1.5",
    )
    assert result.status == 0 and "stopped at learning rate" in result.err
    losses = [sentence["loss"] for sentence in table("lr")]
    assert len(losses) < 30
    assert all(loss <= 1.5 * min(losses[:i]) for i, loss in enumerate(losses) if i)


def test_a_folder_that_is_not_empty(run: Run, config: str) -> None:
    assert run("find-lr", config, "-s", "lr", *SHORT).status == 0
    Path("lr/mark").touch()
    result = run("find-lr", config, "-s", "lr", *SHORT)
    assert (result.status, result.out) == (
        2,
        "",
    ) and "lr is not empty: --force empties it" in result.err
    for flag in ("-f", "--force"):
        Path("lr/mark").touch()
        assert run("find-lr", config, "-s", "lr", flag, *SHORT).status == 0
        assert not Path("lr/mark").exists() and Path("lr/lr-losses.png").is_file()


def test_without_a_folder_a_new_one_is_created(run: Run, config: str) -> None:
    result = run("find-lr", config, *SHORT)
    match = re.search(r"^plot: (runs/small-\d{8}-\d{6}/lr-losses.png)$", result.out, re.M)
    assert match and Path(match[1]).is_file()


def test_overrides_and_file_friendly_logging(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("find-lr", config, "-s", "lr", "-o", '{"dataset_reader.max_instances": 5}', *SHORT)
    assert (
        result.status == 0
        and "weibo: 5 training sentences" in result.err
        and "searching" not in result.err
    )
    monkeypatch.setattr("ner_adv_plugin.common.progress.FRIENDLY_INTERVAL", 0.0)
    result = run("find-lr", config, "-s", "again", "--file-friendly-logging", *SHORT)
    assert result.status == 0 and "searching: 1 of " in result.err and "\r" not in result.err


def test_a_loss_that_never_decreases(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter(range(1, 12))
    monkeypatch.setattr(Trainer, "train_step", lambda trainer, group: {"loss": (next(losses), 1)})
    result = run("find-lr", config, "-s", "lr", *SHORT)
    assert (result.status, result.out) == (0, "the loss never decreases\nplot: lr/lr-losses.png\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-batches", "3"], "expected 11 batches or more, found 3"),
        (
            ["--start-lr", "1", "--end-lr", "0.1"],
            "expected learning rates 0 < start < end, found 1 and 0.1",
        ),
        (["--stopping-factor", "0.5"], "expected a stopping factor above 1, found 0.5"),
        (["-o", '{"trainer.optimizer.lrr": 1}'], "trainer.optimizer.lrr: unknown key"),
        (["-o", '{"train_data_path": "missing"}'], "no such file"),
    ],
)
def test_errors_leave_no_folder(run: Run, config: str, flags: list[str], message: str) -> None:
    result = run("find-lr", config, "-s", "lr", *flags)
    assert (result.status, result.out) == (2, "") and message in result.err
    assert not Path("lr").exists()


def test_an_optimizer_without_a_learning_rate(run: Run, config: str) -> None:
    overrides = '{"trainer.optimizer": {type: "huggingface_adafactor"}}'
    result = run("find-lr", config, "-s", "lr", "-o", overrides, *SHORT)
    assert (
        result.status == 2
        and "trainer.optimizer.lr: expected a learning rate above 0" in result.err
    )
