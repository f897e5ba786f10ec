"""Auxiliary gradients that are changed by the target's, against loops over torch.autograd."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.anchored import AnchoredStep
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep
from tests.data.global_batch import share_totals
from tests.models.building import batch_for, build_model
from tests.modules.examples import vocabulary
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import single_task_config, tiny_config

RULES = ["weighted", "dropped", "projected"]
Gradients = dict[str, Tensor]


def gradients(
    step: TrainingStep, model: Model, batches: Sequence[Batch]
) -> tuple[Gradients, dict[str, float]]:
    """Return the gradients that a step computes, and its statistics."""
    engine = Engine(model, "fp32", -1)
    engine.prepare(torch.optim.SGD(model.parameters(), 0.1))
    model.zero_grad()
    _, statistics = step.run(engine, batches, 0.5)
    by_name = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return by_name, {name: float(value) for name, (value, _) in statistics.items()}


def model_with_conflicts(model_type: str) -> Model:
    settings = {"sources": {"weibo": ["msra"]}} if model_type == "asymmetric" else {}
    model = build_model(model_type, vocabulary(), **settings)
    # Gradients of initial weights rarely conflict.
    for name, parameter in model.named_parameters():
        if name.startswith("heads."):
            parameter.data.normal_()
    return model.double()


def one_by_one(model: Model, batch: Batch) -> dict[str, dict[str, list[float] | None]]:
    """Gradient of each loss by name of the parameter, as lists of numbers."""
    names = [name for name, _ in model.named_parameters()]
    result = {}
    for loss in model(batch, 0.5)["losses"]:
        own = torch.autograd.grad(
            model(batch, 0.5)["losses"][loss], [*model.parameters()], allow_unused=True
        )
        result[loss] = {
            name: None if gradient is None else gradient.flatten().tolist()
            for name, gradient in zip(names, own, strict=True)
        }
    return result


def by_hand(
    losses: dict[str, dict[str, list[float] | None]],
    target: dict[str, list[float] | None],
    rule: str,
    auxiliaries: Sequence[str],
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Sum the gradients of all losses, number by number; return them and the cosines."""
    total: dict[str, list[float]] = {}
    cosines = {}
    for loss, own in losses.items():
        shared = [name for name in own if own[name] is not None and target[name] is not None]
        pairs = [
            (a, g)
            for name in shared
            for a, g in zip(own[name] or [], target[name] or [], strict=True)
        ]
        dot = sum(a * g for a, g in pairs)
        lengths = [math.sqrt(sum(pair[i] ** 2 for pair in pairs)) for i in (0, 1)]
        cosine = dot / (lengths[0] * lengths[1])
        if loss in auxiliaries:
            cosines[loss] = cosine
        for name, numbers in own.items():
            if numbers is None:
                continue
            changed = list(numbers)
            if loss in auxiliaries and name in shared:
                if rule == "weighted":
                    changed = [max(0.0, cosine) * a for a in numbers]
                elif rule == "dropped":
                    changed = [a if cosine >= 0 else 0.0 for a in numbers]
                elif cosine < 0:
                    changed = [
                        a - dot / lengths[1] ** 2 * g
                        for a, g in zip(numbers, target[name] or [], strict=True)
                    ]
            before = total.get(name, [0.0] * len(changed))
            total[name] = [x + y for x, y in zip(before, changed, strict=True)]
    return total, cosines


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("model_type", ["hard_sharing", "adversarial", "asymmetric"])
@pytest.mark.parametrize("chosen", [None, ["heads.msr"]], ids=["all", "one"])
def test_gradients_by_hand(rule: Any, model_type: str, chosen: list[str] | None) -> None:
    model = model_with_conflicts(model_type)
    batch = batch_for(model.vocab)
    losses = one_by_one(model, batch)
    auxiliaries = chosen or [name for name in losses if name != "heads.weibo"]
    expected, cosines = by_hand(losses, losses["heads.weibo"], rule, auxiliaries)
    assert any(cosine < 0 for cosine in cosines.values()) or chosen

    found, statistics = gradients(AnchoredStep("weibo", rule, chosen), model, [batch])
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert_close(found[name].flatten(), torch.tensor(numbers).double(), msg=name)
    for loss, cosine in cosines.items():
        prefix = loss.removeprefix("heads.").replace("objectives.", "objective_")
        assert statistics[f"{prefix}_target_cosine"] == pytest.approx(cosine)
        assert statistics[f"{prefix}_conflicts"] == (cosine < 0)
    assert sum("_target_cosine" in name for name in statistics) == len(cosines)


@pytest.mark.parametrize("rule", RULES)
def test_the_target_does_not_get_worse(rule: Any) -> None:
    """To first order a step along -gradient lowers the target's loss as much as its own gradient.

    "weighted" and "dropped" only add auxiliary gradients that lower it, too.
    """
    model = model_with_conflicts("hard_sharing")
    batch = batch_for(model.vocab)
    own = one_by_one(model, batch)["heads.weibo"]
    found, _ = gradients(AnchoredStep("weibo", rule), model, [batch])
    decrease = sum(
        float(found[name].flatten() @ torch.tensor(numbers).double())
        for name, numbers in own.items()
        if numbers is not None
    )
    square = sum(x * x for numbers in own.values() if numbers is not None for x in numbers)
    assert decrease >= square * (1 - 1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_micro_batches_are_summed_first(rule: Any) -> None:
    model = model_with_conflicts("adversarial")
    whole = batch_for(model.vocab)
    micro = share_totals([whole.select([0, 3, 4, 8]), whole.select([1, 2, 5, 6, 7, 9])])
    expected, _ = gradients(AnchoredStep("weibo", rule), model, share_totals([whole]))
    assert_close(gradients(AnchoredStep("weibo", rule), model, micro)[0], expected)


def test_steps_without_the_target_use_its_last_gradient() -> None:
    model = model_with_conflicts("hard_sharing")
    whole = batch_for(model.vocab)
    first, other = (
        share_totals([whole.select(whole.sentences_of(head))]) for head in ("weibo", "msra")
    )
    target, auxiliary = (one_by_one(model, batch) for (batch,) in (first, other))

    step = AnchoredStep("weibo", "projected")
    assert_close(gradients(step, model, other)[0], gradients(PlainStep(), model, other)[0])
    gradients(step, model, first)
    expected, _ = by_hand(auxiliary, target["heads.weibo"], "projected", ["heads.msra"])
    found, _ = gradients(step, model, other)
    for name, numbers in expected.items():
        assert_close(found[name].flatten(), torch.tensor(numbers).double(), msg=name)


def test_smoothing_averages_the_gradients_of_the_target() -> None:
    model = model_with_conflicts("hard_sharing")
    whole = batch_for(model.vocab)
    batches = [whole.select([0, 1]), whole.select([2, 3, 4]), whole]
    step = AnchoredStep("weibo", smoothing=0.75)
    average: dict[str, list[float] | None] = {}
    for batch in batches:
        own = one_by_one(model, batch).get("heads.weibo", {})
        for name, numbers in own.items():
            before = average.get(name)
            average[name] = (
                [0.75 * x + 0.25 * y for x, y in zip(before, numbers, strict=True)]
                if before and numbers
                else numbers
            )
        gradients(step, model, [batch])
    for name, gradient in step.anchor.items():
        assert_close(gradient.flatten(), torch.tensor(average[name]).double())


def test_a_gradient_of_zeros_stays_zero() -> None:
    """As that of a reversal whose scale is still 0."""
    adversary = {"type": "domain_adversarial", "reversal": {"type": "constant", "scale": 0.0}}
    model = build_model("adversarial", vocabulary(), objectives=[adversary])
    for rule in RULES:
        found, statistics = gradients(AnchoredStep("weibo", rule), model, [batch_for(model.vocab)])  # type: ignore[arg-type]
        assert all(gradient.isfinite().all() for gradient in found.values())
        assert statistics["objective_0_target_cosine"] == 0


def test_clipping_does_not_change_the_anchor() -> None:
    model = model_with_conflicts("hard_sharing")
    step = AnchoredStep("weibo")
    gradients(step, model, [batch_for(model.vocab)])
    before = {name: gradient.clone() for name, gradient in step.anchor.items()}
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
    assert_close(step.anchor, before, rtol=0, atol=0)


def test_resumes_exactly(tmp_path: Path) -> None:
    """With batches of one dataset each, so that steps need the gradient of an earlier one."""
    config = tiny_config(
        trainer__step={"type": "anchored", "target": "weibo", "rule": "dropped", "smoothing": 0.5},
        trainer__num_epochs=2,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
        data_loader={
            "type": "multitask",
            "scheduler": {"type": "homogeneous_roundrobin", "batch_size": 16},
        },
    )
    train_model(config, tmp_path / "whole")
    with stopping_before(4):
        train_model(config, tmp_path / "stopped")
    train_model(config, tmp_path / "stopped", recover=True)
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"target": "weibbo"}, "step.target", 'no head "weibbo". Did you mean "weibo"?'),
        ({"target": "weibo", "rule": "pcgrad"}, "step.rule", "'projected'"),
        ({"target": "weibo", "smoothing": 1.0}, "step.smoothing", "expected 0 to below 1"),
        (
            {"target": "weibo", "auxiliaries": ["heads.msra", "heads.weibo"]},
            "step.auxiliaries.1",
            "Expected one of: heads.msra, heads.msr, objectives.0.",
        ),
        (
            {"target": "weibo", "auxiliaries": ["objectives.1"]},
            "step.auxiliaries.0",
            'Did you mean "objectives.0"?',
        ),
    ],
)
def test_invalid_settings(settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(tiny_config(trainer__step={"type": "anchored", **settings}))
    assert error.value.path == f"trainer.{path}"
    assert message in error.value.message


def test_an_auxiliary_loss_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="the only loss"):
        checked_job(single_task_config(trainer__step={"type": "anchored", "target": "weibo"}))


def test_a_loss_of_another_stage_is_none(root: Path) -> None:
    config = load_config(root / "fixtures/configs/staged.jsonnet")
    config["stages"][1]["trainer"] |= {"step": {"type": "anchored", "target": "weibo"}}
    with pytest.raises(ConfigurationError, match=r"heads\.weibo is the only loss"):
        checked_job(config)
    config["stages"][1]["trainer"]["step"]["target"] = "msra"
    with pytest.raises(ConfigurationError, match='no head "msra"'):
        checked_job(config)


def test_several_processes_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigurationError, match="AnchoredStep needs the whole batch at once"):
        checked_job(tiny_config(trainer__step={"type": "anchored", "target": "weibo"}))


class TestAnchored(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/anchored.jsonnet")
        self.ensure_model_can_train_save_and_load()
