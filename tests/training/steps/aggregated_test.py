"""Aggregated gradients against the plain step, and against known vectors."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.testing import MultiTaskModelTestCase
from ner_adv_plugin.training.accelerator import Precision
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.aggregated import AggregatedStep
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep
from tests.data.global_batch import share_totals
from tests.models.building import batch_for, build_model
from tests.modules.examples import vocabulary
from tests.tiny import tiny_config

torchjd = pytest.importorskip("torchjd")
Gradients = dict[str, Tensor]


def gradients(
    step: TrainingStep, model: Model, batches: Sequence[Batch], precision: Precision = "fp32"
) -> tuple[Gradients, float]:
    """Return the gradients that a step computes, and its loss."""
    engine = Engine(model, precision, -1)
    engine.prepare(torch.optim.SGD(model.parameters(), 0.1))
    model.zero_grad()
    loss, _ = step.run(engine, batches, 0.5)
    by_name = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return by_name, float(loss)


class TwoTasks(Model):
    """Two losses with known gradients.

    The gradients of the shared parameter w are arguments; those of each task's own parameter are 2
    and 3.
    """

    def __init__(self, first: Sequence[float], second: Sequence[float]) -> None:
        super().__init__(vocabulary())
        self.slopes = {"first": torch.tensor(first), "second": torch.tensor(second)}
        self.w = torch.nn.Parameter(torch.tensor([5.0, 7.0]))
        self.own = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.ones(1)) for name in self.slopes}
        )
        self.frozen = torch.nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        losses = {
            name: (self.w @ slope + factor * self.own[name]).sum()
            for (name, slope), factor in zip(self.slopes.items(), (2.0, 3.0), strict=True)
        }
        losses["constant"] = self.frozen.sum()
        return {"loss": sum(losses.values()), "losses": losses}


@pytest.mark.parametrize(
    ("aggregator", "shared"),
    [
        ("sum", [0.0, 1.0]),
        ("mean", [0.0, 0.5]),
        # g1 = (1, 0), g2 = (-1, 1), g1 . g2 = -1. The sum of their projections, g1 + g2 / 2 =
        # (0.5, 0.5) and g2 + g1 = (0, 1) (Yu et al. 2020, algorithm 1).
        ("pcgrad", [0.5, 1.5]),
        # The mean of the same projections: the two cones are half planes.
        ("upgrad", [0.25, 0.75]),
        # The shortest vector t g1 + (1 - t) g2, at t = 0.6.
        ("mgda", [0.2, 0.4]),
    ],
)
@pytest.mark.parametrize("size", [1.0, 1e-4])
def test_two_tasks_by_hand(aggregator: str, shared: list[float], size: float) -> None:
    model = TwoTasks([size, 0.0], [-size, size])
    found, loss = gradients(AggregatedStep(aggregator), model, [batch_for(model.vocab)])
    assert_close(found["w"], size * torch.tensor(shared), rtol=2e-3, atol=1e-3 * size)
    assert (float(found["own.first"]), float(found["own.second"])) == (2.0, 3.0)
    assert loss == pytest.approx(size * (5 - 5 + 7) + 5 + 1)
    # The gradients of micro-batches are summed first.
    twice, _ = gradients(AggregatedStep(aggregator), model, [batch_for(model.vocab)] * 2)
    assert_close(
        twice, {name: 2 * gradient for name, gradient in found.items()}, rtol=1e-4, atol=1e-4 * size
    )


@pytest.mark.parametrize("aggregator", ["pcgrad", "upgrad", "mgda", "mean"])
def test_losses_without_gradient_are_left_out(aggregator: str) -> None:
    """As with a gradient reversal of scale 0: the result is the gradient of the other loss."""
    model = TwoTasks([1.0, 2.0], [0.0, 0.0])
    assert_close(
        gradients(AggregatedStep(aggregator), model, [batch_for(model.vocab)])[0]["w"],
        model.slopes["first"],
    )
    model = TwoTasks([0.0, 0.0], [0.0, 0.0])
    assert not gradients(AggregatedStep(aggregator), model, [batch_for(model.vocab)])[0]["w"].any()


@pytest.mark.parametrize("model_type", ["hard_sharing", "adversarial"])
@pytest.mark.parametrize("weighting", ["fixed", "uncertainty"])
def test_the_sum_is_the_plain_step(model_type: str, weighting: str) -> None:
    vocab = vocabulary()
    model, whole = build_model(model_type, vocab, loss_weighting=weighting), batch_for(vocab)
    batches = share_totals([whole.select([0, 3, 4, 8]), whole.select([1, 2, 5, 6, 7, 9])])
    plain, plain_loss = gradients(PlainStep(), model, batches)
    found, loss = gradients(AggregatedStep("sum"), model, batches)
    assert found.keys() == plain.keys()
    assert_close(found, plain, rtol=1e-4, atol=1e-7)
    assert loss == plain_loss


def test_the_mean_is_the_plain_step_scaled_on_shared_parameters() -> None:
    """On shared parameters it is the plain gradient divided by the number of losses."""
    vocab = vocabulary()
    model, batch = build_model("adversarial", vocab), batch_for(vocab)
    plain, _ = gradients(PlainStep(), model, [batch])
    found, _ = gradients(AggregatedStep("mean"), model, [batch])
    shared = {name for name in plain if name.startswith(("encoder.", "towers.shared."))}
    assert shared and len(shared) < len(plain)
    assert_close(
        found, {n: g / 4 if n in shared else g for n, g in plain.items()}, rtol=1e-4, atol=1e-7
    )


def test_a_tower_that_two_of_three_tasks_read() -> None:
    """PCGrad with gradients that are zero on some shared parameters, by explicit projections."""
    vocab = vocabulary()
    model, batch = build_model("asymmetric", vocab, sources={"weibo": ["msra"]}), batch_for(vocab)
    # Gradients of initial weights rarely conflict.
    for name, parameter in model.named_parameters():
        if name.startswith("heads."):
            parameter.data.normal_()
    names = [
        name
        for name, _ in model.named_parameters()
        if name.startswith(("encoder.", "towers.msra."))
    ]
    parameters = dict(model.named_parameters())
    rows = []
    for loss in model(batch)["losses"].values():
        own = torch.autograd.grad(
            loss, [parameters[n] for n in names], retain_graph=True, materialize_grads=True
        )
        rows.append(torch.cat([gradient.flatten() for gradient in own]))
    conflicts = sum(float(a @ b) < 0 for i, a in enumerate(rows) for b in rows[:i])
    torch.manual_seed(3)
    found, _ = gradients(AggregatedStep("pcgrad"), model, [batch])
    torch.manual_seed(3)
    total = torch.zeros_like(rows[0])
    for i, row in enumerate(rows):
        projected = row
        order = [int(j) for j in torch.randperm(len(rows)) if j != i]
        for j in order:
            product = float(projected @ rows[j])
            if product < 0:
                projected = projected - product / float(rows[j] @ rows[j]) * rows[j]
        total = total + projected
    assert conflicts
    assert_close(torch.cat([found[name].flatten() for name in names]), total, rtol=1e-3, atol=1e-6)


def test_a_single_loss_is_the_plain_step() -> None:
    vocab = vocabulary()
    model, whole = build_model("hard_sharing", vocab), batch_for(vocab)
    batches = share_totals(
        [whole.select(whole.sentences_of("msra")), whole.select([0]).unlabelled()]
    )
    found, _ = gradients(AggregatedStep("mgda"), model, batches)
    assert_close(found, gradients(PlainStep(), model, batches)[0])


def test_mixed_precision() -> None:
    vocab = vocabulary()
    model, batch = build_model("adversarial", vocab), batch_for(vocab)
    exact, low = (
        gradients(AggregatedStep("sum"), model, [batch], precision)[0]
        for precision in ("fp32", "bf16")
    )
    for name, gradient in exact.items():
        assert low[name].dtype == torch.float32
        assert torch.cosine_similarity(low[name].flatten(), gradient.flatten(), 0) > 0.98, name


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        (
            {"step": {"type": "aggregated", "aggregator": "pc_grad"}},
            "step.aggregator",
            'Did you mean "pcgrad"?',
        ),
        (
            {"step": {"type": "aggregated", "aggregator": "sums"}},
            "step.aggregator",
            "expected one of alignedmtl, ",
        ),
        (
            {"step": {"type": "aggregated", "aggregator": "mgda", "settings": {"max_iter": 5}}},
            "step.settings.max_iter",
            'Did you mean "max_iters"?',
        ),
        ({"step": "aggregated", "precision": "fp16"}, "precision", '"fp16" scales losses'),
        ({"step": {"type": "aggregated", "attack": "fgm"}}, "step.attack", ""),
    ],
)
def test_invalid_settings(settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(tiny_config(**{f"trainer__{name}": value for name, value in settings.items()}))
    assert error.value.path == f"trainer.{path}"
    assert message in error.value.message


def test_several_processes_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        ConfigurationError, match=r"^trainer\.step: AggregatedStep needs the whole batch at once"
    ):
        checked_job(tiny_config(trainer__step="aggregated"))


def test_without_torchjd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(UserError, match=r'pip install "ner_adv_plugin\[torchjd\]"'):
        checked_job(tiny_config(trainer__step="aggregated"))


def test_a_model_without_separate_losses_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TwoTasks([1.0, 0.0], [0.0, 1.0])
    monkeypatch.setattr(model, "forward", lambda *_: {"loss": model.w.sum()})
    with pytest.raises(
        ConfigurationError, match='^trainer.step: TwoTasks returns no separate "losses"'
    ):
        gradients(AggregatedStep(), model, [batch_for(model.vocab)])


class TestAggregated(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/aggregated.jsonnet")
        self.ensure_model_can_train_save_and_load()
