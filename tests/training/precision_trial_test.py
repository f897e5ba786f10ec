"""`precision: 'auto'`: which CPUs have bf16, the trial, and what a resumed run keeps."""

import json
import logging
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common import bf16
from ner_adv_plugin.common.bf16 import any_cpu, flags_have_bf16, supports_bf16
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import build_trainer, train_model
from ner_adv_plugin.training import precision_trial
from ner_adv_plugin.training.checkpoints.random_state import random_state, seed_everything
from ner_adv_plugin.training.precision_trial import CHOICES
from ner_adv_plugin.training.trainer import Trainer
from tests.tiny import ROOT, assert_same_weights, tiny_config

CPU = torch.device("cpu")
INTEL = (
    "processor\t: 0\nflags\t\t: fpu sse2 avx512f avx512_bf16 amx_bf16 amx_tile\nbugs\t\t: none\n"
)
AMD = "processor\t: 0\nflags\t\t: fpu sse2 avx512f avx512_bf16 avx512_vnni\n"
OLD = "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni\nmodel name\t: amx_bf16\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd i8mm bf16\n"
AUTO = {"trainer__precision": "auto", "trainer__num_epochs": 2}


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this CPU have bf16."""
    monkeypatch.setattr(precision_trial, "supports_bf16", lambda device: True)


def set_times(monkeypatch: pytest.MonkeyPatch, fp32: float, bf16: float) -> None:
    """Run the trial, but with these times."""
    measure = precision_trial.time_steps

    def timed(*arguments: Any) -> dict[str, float]:
        assert set(measure(*arguments)) == set(CHOICES)
        return {"fp32": fp32, "bf16": bf16}

    monkeypatch.setattr(precision_trial, "time_steps", timed)


def trainer_of(config: dict[str, Any], folder: Path) -> Trainer:
    job = checked_job(config)
    seed_everything(1, 2, 3)
    return build_trainer(job, read_data(job), folder)


def recorded(folder: Path) -> Any:
    return json.loads((folder / "precision.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [(INTEL, True), (AMD, True), (ARM, True), (OLD, False), (OLD + AMD, False), ("", False)],
)
def test_flags(cpuinfo: str, expected: bool, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(cpuinfo)
    assert flags_have_bf16(cpuinfo) is supports_bf16(CPU, path) is expected


def test_a_system_without_cpuinfo(tmp_path: Path) -> None:
    assert not supports_bf16(CPU, tmp_path / "missing")


@pytest.mark.parametrize("answer", [True, False])
def test_a_gpu_is_asked(answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **settings: answer)
    assert supports_bf16(torch.device("cuda")) is answer


def test_without_bf16_there_is_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precision_trial, "supports_bf16", lambda device: False)
    monkeypatch.setattr(precision_trial, "time_steps", None)
    with caplog.at_level(logging.INFO):
        trainer = trainer_of(tiny_config(**AUTO), tmp_path)
    assert trainer.engine.precision == "fp32"
    assert "precision: fp32; this CPU has no bf16" in caplog.text
    assert recorded(tmp_path) == {"precision": "fp32", "seconds": {}}


def test_an_lstm_in_bf16_runs_without_a_gradient_on_any_cpu() -> None:
    lstm = torch.nn.LSTM(24, 16, batch_first=True, bidirectional=True)
    states_BLD = torch.randn(2, 5, 24)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), any_cpu():
        found = lstm(states_BLD)[0]
    assert torch.backends.mkldnn.enabled
    assert_close(found.float(), lstm(states_BLD)[0], atol=0.02, rtol=0.02)


def test_threads_on_any_cpu_leave_onednn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bf16, "_cpu_supports_bf16", lambda: False)

    def enter(_: int) -> bool:
        with torch.autocast("cpu", torch.bfloat16), any_cpu():
            time.sleep(0.001)
            return bool(torch.backends.mkldnn.enabled)

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(enter, range(40)))
    assert torch.backends.mkldnn.enabled


@pytest.mark.parametrize("name", ["ple", "asymmetric_towers", "hard_sharing_task_token"])
def test_towers_of_sentences_of_one_length_train_in_bf16(name: str, tmp_path: Path) -> None:
    """A batch of one sentence has one length."""
    config = with_overrides(
        load_config(ROOT / f"fixtures/configs/{name}.jsonnet"),
        {
            "trainer.precision": "bf16",
            "trainer.max_steps": 4,
            "trainer.cuda_device": -1,
            "data_loader.scheduler": {"type": "roundrobin", "batch_size": 1},
        },
    )
    metrics = train_model(config, tmp_path / "run")
    assert metrics["training_loss"] > 0 and torch.backends.mkldnn.enabled


@pytest.mark.parametrize("supported", [True, False])
@pytest.mark.parametrize("setting", [{"precision": "bf16"}, {"use_amp": True}, {}])
def test_bf16_that_is_emulated_is_warned_of(
    setting: dict[str, Any],
    supported: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bf16, "supports_bf16", lambda device: supported)
    settings = {f"trainer__{key}": value for key, value in setting.items()}
    trainer_of(tiny_config(**settings), tmp_path)
    warned = "this CPU has no instructions for bf16 and emulates it" in caplog.text
    assert warned is (bool(setting) and not supported)


@pytest.mark.parametrize(("fp32", "bf16", "expected"), [(2.0, 1.0, "bf16"), (1.0, 2.0, "fp32")])
@pytest.mark.usefixtures("with_bf16")
def test_the_quicker_one_is_chosen(
    fp32: float,
    bf16: float,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_times(monkeypatch, fp32, bf16)
    with caplog.at_level(logging.INFO):
        trainer = trainer_of(tiny_config(**AUTO), tmp_path)
    assert trainer.engine.precision == expected
    times = f"{fp32:.3f} s in fp32, {bf16:.3f} s in bf16 (median of 10)"
    assert f"precision: {expected}; a step takes {times}" in caplog.text
    assert recorded(tmp_path) == {"precision": expected, "seconds": {"fp32": fp32, "bf16": bf16}}


def test_steps_are_timed_by_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this test advances by 3 in float32, by 1 in bfloat16; one step is an outlier."""
    trainer = trainer_of(tiny_config(), tmp_path)
    turns: list[bool] = []
    now = 0.0

    class Step:
        def run(self, engine: Any, batches: Any, progress: float) -> None:
            nonlocal now
            trainer.model.register_forward_pre_hook(
                lambda *_: turns.append(torch.is_autocast_enabled("cpu"))
            )
            engine.forward(batches[0], progress)
            trainer.model._forward_pre_hooks.clear()
            now += 1000.0 if len(turns) == 2 else 1.0 if turns[-1] else 3.0

    monkeypatch.setattr(precision_trial, "_clock", lambda device: now)
    step: Any = Step()
    seconds = precision_trial.time_steps(trainer.engine, step, trainer._first_batches())
    assert turns == [False, True] * 10
    assert seconds == {"fp32": 3.0, "bf16": 1.0}


@pytest.mark.parametrize(
    "config",
    [
        tiny_config(
            data_loader__augmentation={"weibo": [{"type": "mention_replacement"}]},
            trainer__num_gradient_accumulation_steps=2,
        ),
        tiny_config(
            model__loss_weighting={"type": "gradnorm", "layer": "towers.shared"},
            model__objectives=[
                {"type": "domain_adversarial", "reversal": {"type": "gradient_share"}}
            ],
        ),
        load_config(
            ROOT / "fixtures/configs/masked_lm.jsonnet", json.dumps({"trainer.cuda_device": -1})
        ),
    ],
)
@pytest.mark.usefixtures("with_bf16")
def test_the_trial_leaves_everything_as_it_was(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also all steps are those of a run whose config names the precision."""
    set_times(monkeypatch, fp32=1.0, bf16=2.0)
    results = []
    for precision in ("fp32", "auto"):
        config["trainer"]["precision"] = precision
        trainer = trainer_of(config, tmp_path / precision)
        begun = [trainer.model.state_dict(), random_state(), trainer.data_loader.state_dict()]
        begun = [*begun, trainer.optimizer.state_dict(), trainer.step.state_dict()]
        assert all(own.grad is None for own in trainer.model.parameters())
        plan = trainer.plan_steps(0)
        trainer.model.train()
        losses = [float(trainer.train_step(step)["loss"][0]) for step in plan[:3]]
        results.append((begun, plan, losses, trainer.model.state_dict()))
    assert_equal(*results)


def assert_equal(one: Any, other: Any) -> None:
    """Assert that two nested structures are equal bit by bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert_equal([*one.values()], [*other.values()])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            assert_equal(mine, its)
    else:
        assert one == other


@pytest.mark.usefixtures("with_bf16")
def test_a_resumed_run_keeps_its_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_times(monkeypatch, fp32=2.0, bf16=1.0)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_model(tiny_config(**AUTO), whole)
    train_model(tiny_config(**{**AUTO, "trainer__num_epochs": 1}), stopped)

    # The trial would choose another one now.
    set_times(monkeypatch, fp32=1.0, bf16=2.0)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        train_model(tiny_config(**AUTO), stopped, recover=True)
    assert "precision: bf16, with which the run began" in caplog.text
    last = "checkpoints/model_state_e2_b0.th"
    assert_same_weights(whole / last, stopped / last)

    train_model(tiny_config(**{**AUTO, "trainer__precision": "bf16"}), tmp_path / "bf16")
    assert_same_weights(whole / last, tmp_path / "bf16" / last)
    with tarfile.open(stopped / "model.tar.gz") as archive:
        member = archive.extractfile("meta.json")
        assert member is not None and json.load(member)["precision"] == "bf16"


@pytest.mark.usefixtures("with_bf16")
def test_a_run_stopped_before_its_first_checkpoint_keeps_its_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_times(monkeypatch, fp32=2.0, bf16=1.0)
    trainer_of(tiny_config(**AUTO), tmp_path)
    monkeypatch.setattr(precision_trial, "time_steps", None)
    train_model(tiny_config(**AUTO), tmp_path, recover=True)
    assert json.loads((tmp_path / "meta.json").read_text())["precision"] == "bf16"


def test_a_spoilt_record(tmp_path: Path) -> None:
    for content in ("{", "[]", "{}", '{"precision": "fp8"}'):
        (tmp_path / "precision.json").write_text(content)
        with pytest.raises(UserError, match=r"precision\.json: expected"):
            train_model(tiny_config(**AUTO), tmp_path, recover=True)


def test_a_wrong_name() -> None:
    with pytest.raises(ConfigurationError, match=r'trainer\.precision: .*"auto"'):
        checked_job(tiny_config(trainer__precision="aut"))
    with pytest.raises(ConfigurationError, match='duplicates precision "auto"'):
        checked_job(tiny_config(trainer__precision="auto", trainer__use_amp=True))
