"""Training steps on a GPU, without one: devices of all tensors, and where the host waits."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.common.stages import with_last_stage
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import build_trainer
from ner_adv_plugin.training.checkpoints.random_state import seed_everything
from tests.fake_gpu import GPU, FakeGpu, fake_gpu

CONFIGS = Path(__file__).resolve().parents[2] / "fixtures" / "configs"

# The others are slow: together they train all architectures, objectives and weightings.
QUICK = ("adversarial_gradient_share", "crf_tagger", "crf_tagger_transformer")

# Where the host waits for the GPU in a step, and why.
# Sentences whose scores leave the range of float64 are computed again in log space.
CRF = "modules/crf/partition.py:forward_backward"
# The number of masked characters is drawn anew in every epoch.
MASKED = "modules/heads/masked_lm.py:forward"
# The number of matched words, and of characters in them.
LEXICON = "modules/encoders/lexicon.py:of"
# The scale of the reversal is logged; the measurement of the step decides whether to update it.
SHARE = "modules/schedules/gradient_share.py:at"
SHARE_UPDATE = "modules/schedules/gradient_share.py:end_step"
# The losses of the step are added over processes.
AVERAGE = "modules/loss_weighting/dynamic_average.py:end_step"
# Weights are updated once every task has had a loss.
GRAD_NORM = "modules/loss_weighting/grad_norm.py:end_step"
# The sentences that teachers have labelled with confidence, for the towers and for the loss.
CONFIDENT = "inference/distillation.py:sentences"

# Gradients of zeros are left out; torchjd moves them between devices.
AGGREGATION = "training/steps/aggregation.py:__call__"

EXPECTED: dict[str, dict[str, int]] = {
    "adversarial": {CRF: 2},
    "adversarial_alignment": {CRF: 2},
    "adversarial_conditional": {CRF: 4},
    "adversarial_gradient_share": {CRF: 2, SHARE: 1, SHARE_UPDATE: 1},
    "adversarial_residual": {CRF: 2},
    "adversarial_self_attention": {CRF: 2},
    "adversarial_self_attention_published": {CRF: 2},
    "adversarial_two_discriminators": {CRF: 4},
    "adversarial_unlabelled": {CRF: 4},
    "adversarial_wasserstein": {CRF: 2, SHARE: 1, SHARE_UPDATE: 1},
    "aggregated": {CRF: 2, AGGREGATION: 3},
    "all_together": {CRF: 8},
    "anchored": {CRF: 2},
    "annotations": {CRF: 3},
    "asymmetric": {CRF: 2},
    "asymmetric_towers": {CRF: 3},
    "biaffine": {},
    "crf_tagger": {CRF: 1},
    "crf_tagger_transformer": {},
    "cross_stitch": {CRF: 3},
    "dwa": {CRF: 2, AVERAGE: 1},
    "global_pointer": {CRF: 1},
    "gradnorm": {CRF: 2, GRAD_NORM: 1},
    "hard_sharing": {CRF: 2},
    "hard_sharing_one_head": {},
    "hard_sharing_task_embedding": {CRF: 3},
    "hard_sharing_task_token": {CRF: 3},
    "hard_sharing_tokens": {CRF: 2},
    "lexicon": {LEXICON: 4, CRF: 2},
    "masked_lm": {MASKED: 2, CRF: 2},
    "masked_lm_staged": {CRF: 2},
    "mmoe": {CRF: 2},
    "perturbed": {CRF: 6},
    "ple": {CRF: 2},
    "r_drop": {CRF: 4},
    "readers": {CRF: 4},
    "self_training": {CONFIDENT: 2, CRF: 2},
    "staged": {CRF: 1},
    "uncertainty": {CRF: 2},
}


# Of the last stage of a config. The fake GPU computes every step of an LSTM by itself.
SHORT = {"data_loader.max_length": 8}
ON_CPU = {"trainer.cuda_device": -1}


def losses(
    config: Mapping[str, Any], folder: Path, gpu: FakeGpu | None = None
) -> tuple[list[float], dict[str, int]]:
    """Train two steps without dropout.

    Returns their losses, and how often the host waits for the GPU in the second one, by place.
    """
    job = checked_job(config)
    seed_everything(1, 1, 1)
    trainer = build_trainer(job, read_data(job), folder)
    trainer.model.train()
    for module in trainer.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0

    steps = trainer.plan_steps(0)
    places: Counter[str] = Counter()
    with autocast_only_on(GPU.type) if gpu else contextlib.nullcontext():
        sums = [trainer.train_step(steps[0])["loss"][0]]
        if gpu is not None:
            gpu.synchronisations.clear()
        sums.append(trainer.train_step(steps[-1])["loss"][0])
    for (_, place), count in gpu.synchronisations.items() if gpu else ():
        places[place] += count
    return [float(own) for own in sums], dict(places)


@contextlib.contextmanager
def autocast_only_on(device_type: str) -> Iterator[None]:
    """Fail if `torch.autocast` is entered for another type of device."""

    class Checked(torch.autocast):
        def __init__(self, own_type: str, *args: Any, **settings: Any) -> None:
            assert own_type == device_type
            super().__init__(own_type, *args, **settings)

    with mock.patch.object(torch, "autocast", Checked):
        yield


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in sorted(path.stem for path in CONFIGS.glob("*.jsonnet"))
    ],
)
def test_a_step_computes_on_the_gpu_and_waits_for_it_at_known_places(
    name: str, tmp_path: Path
) -> None:
    """The losses are those of the CPU, whose packed encoder and towers share no code with it."""
    if name == "aggregated":
        pytest.importorskip("torchjd")
    path = CONFIGS / f"{name}.jsonnet"
    config = with_last_stage(load_config(path), SHORT)
    on_cpu, _ = losses(with_last_stage(config, ON_CPU), tmp_path / "cpu")
    with fake_gpu() as gpu:
        on_gpu, places = losses(config, tmp_path / "gpu", gpu)

    assert_allclose(on_gpu, on_cpu, rtol=1e-4)
    assert places == EXPECTED[name]


@pytest.mark.parametrize(
    "name",
    [
        "crf_tagger",
        pytest.param("biaffine", marks=pytest.mark.slow),
        pytest.param("hard_sharing_one_head", marks=pytest.mark.slow),
        pytest.param("lexicon", marks=pytest.mark.slow),
        pytest.param("masked_lm", marks=pytest.mark.slow),
        pytest.param("ple", marks=pytest.mark.slow),
    ],
)
def test_validation_on_the_gpu_gives_the_metrics_of_the_cpu(name: str, tmp_path: Path) -> None:
    path = CONFIGS / f"{name}.jsonnet"
    expected = validated(load_config(path, json.dumps({"trainer.cuda_device": -1})), tmp_path)
    with fake_gpu():
        metrics = validated(load_config(path, ""), tmp_path)
    assert metrics == pytest.approx(expected, rel=1e-4)


def validated(config: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """Return the validation metrics of fresh weights."""
    job = checked_job(config)
    seed_everything(1, 1, 1)
    trainer = build_trainer(job, read_data(job), folder)
    return trainer.evaluator.evaluate(trainer.model)


class TestFakeGpu:
    """The fake GPU finds what a GPU would."""

    def test_tensors_of_the_cpu(self) -> None:
        with fake_gpu():
            states, weights = torch.ones(2, 3, device=GPU), torch.ones(3)
            assert (states * torch.tensor(2.0)).device == GPU
            with pytest.raises(RuntimeError, match=r"aten.add.Tensor on cuda:0 .* CPU, \(3,\)"):
                states + weights
            with pytest.raises(RuntimeError, match="reads a list"):
                states[[0, 1]]

    def test_generators_of_the_cpu(self) -> None:
        with fake_gpu(), pytest.raises(RuntimeError, match="generator of the CPU"):
            torch.empty(3, device=GPU).normal_(generator=torch.Generator())

    def test_modules_keep_their_parameters(self) -> None:
        linear = torch.nn.Linear(3, 2)
        before = [*linear.parameters()]
        with fake_gpu(), torch.enable_grad():
            linear.to(GPU)
            assert [id(own) for own in linear.parameters()] == [id(own) for own in before]
            linear(torch.ones(4, 3, device=GPU)).sum().backward()
            gradient = before[0].grad
            assert gradient is not None and gradient.device == GPU
            assert gradient.tolist() == [[4.0] * 3] * 2

    @pytest.mark.parametrize(
        ("wait", "kind"),
        [
            (lambda own: own.sum().item(), "_local_scalar_dense"),
            (lambda own: bool((own > 0).any()), "_local_scalar_dense"),
            (lambda own: own.cpu(), "to the host"),
            (lambda own: own.tolist(), "to the host"),
            (lambda own: own.nonzero(), "nonzero"),
            (lambda own: own[own > 0], "mask"),
            (lambda own: own.unique(), "_unique2"),
            (lambda own: own[torch.tensor([0])], "indices to the device"),
            (lambda own: torch.tensor([1.0, 2.0], device=own.device), "to the device"),
        ],
    )
    def test_waits_are_counted(self, wait: Callable[[Tensor], Any], kind: str) -> None:
        with fake_gpu() as gpu:
            wait(torch.ones(3, device=GPU))
        assert gpu.synchronisations == {(kind, "outside"): 1}

    def test_what_does_not_wait(self) -> None:
        with fake_gpu() as gpu:
            states = torch.tensor([1.0, 2.0]).to(GPU, non_blocking=True)
            index = index_tensor([1, 0], states.device)
            states[index].masked_fill(states > 1, 0.0).sum()
            states[states > 1] = 0.0
        assert not gpu.synchronisations
