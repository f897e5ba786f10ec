"""GradNorm, against its loss minimised by torch's Adam, with gradients by torch.autograd."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.loss_weighting import GradNorm
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.data.global_batch import share_totals
from tests.models.building import HEAD, batch_for, build_model
from tests.modules.examples import vocabulary
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import tiny_config

NAMES = ["weibo", "msra", "msr"]
HEADS = {"weibo": {**HEAD, "weight": 2.0}, "msra": HEAD, "msr": HEAD}


class Plain:
    """The algorithm of the paper, with the gradient of its loss by torch.autograd."""

    def __init__(self, alpha: float, lr: float) -> None:
        self.alpha = alpha
        self.weights = torch.ones(len(NAMES), requires_grad=True)
        self.optimizer = torch.optim.Adam([self.weights], lr=lr)
        self.initial: Tensor | None = None

    def step(self, losses: list[Tensor], layer: list[Tensor]) -> None:
        """Update the weights by the losses of a step, and their gradients by W."""
        values = torch.stack([loss.detach() for loss in losses])
        self.initial = values if self.initial is None else self.initial
        norms = []
        for weight, loss in zip(self.weights, losses, strict=True):
            gradients = torch.autograd.grad(loss, layer, retain_graph=True)
            norms.append((weight * torch.cat([own.flatten() for own in gradients])).norm())
        relative = values / self.initial
        rates = relative / relative.mean()
        target = (torch.stack(norms).mean() * rates**self.alpha).detach()
        self.optimizer.zero_grad()
        (torch.stack(norms) - target).abs().sum().backward()
        self.optimizer.step()
        with torch.no_grad():
            self.weights *= len(NAMES) / self.weights.sum()


def model_with(model_type: str = "hard_sharing", **settings: Any) -> SharingModel:
    return build_model(
        model_type,
        vocabulary(),
        heads=HEADS,
        loss_weighting={"type": "gradnorm", **settings},
    )


def task_losses(model: SharingModel, batch: Batch) -> list[Tensor]:
    """The loss of each head, without the weights."""
    losses = model(batch)["losses"]
    assert isinstance(model.loss_weighting, GradNorm)
    model.loss_weighting._step = {}
    return [
        losses[f"heads.{name}"] / HEADS[name].get("weight", 1.0) / weight
        for name, weight in zip(NAMES, model.loss_weighting.weights_H.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("model_type", "layer", "expected"),
    [
        ("hard_sharing", None, "encoder."),
        ("adversarial", None, "towers.shared."),
        ("adversarial", r"^encoder\.embedding", "encoder."),
    ],
)
@pytest.mark.parametrize("alpha", [0.0, 1.5])
@pytest.mark.parametrize("pieces", [1, 2])
def test_by_hand(
    model_type: str, layer: str | None, expected: str, alpha: float, pieces: int
) -> None:
    model = model_with(model_type, alpha=alpha, lr=0.05, layer=layer).train()
    parameters = [own for name, own in model.named_parameters() if name.startswith(expected)]
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    plain = Plain(alpha, 0.05)
    whole = batch_for(model.vocab)
    cuts = [list(range(len(whole)))] if pieces == 1 else [[0, 3, 4, 8], [1, 2, 5, 6, 7, 9]]
    for _ in range(5):
        plain.step(task_losses(model, share_totals([whole])[0]), parameters)
        optimizer.zero_grad()
        for batch in share_totals([whole.select(own) for own in cuts]):
            model(batch)["loss"].backward()
        model.end_step()
        optimizer.step()
        assert_close(model.loss_weighting.weights_H, plain.weights.detach(), rtol=1e-3, atol=1e-4)
    assert float((plain.weights.detach() - 1).abs().max()) > 0.1


def test_weights_multiply_the_losses_and_add_up() -> None:
    model = model_with()
    batch = batch_for(model.vocab)
    before = model(batch)["losses"]
    model.loss_weighting.weights_H.copy_(torch.tensor([0.5, 2.0, 0.5]))
    after = model(batch)["losses"]
    for name, factor in zip(NAMES, (0.5, 2.0, 0.5), strict=True):
        assert_close(after[f"heads.{name}"], factor * before[f"heads.{name}"])


def test_gradients_of_the_model_are_those_of_the_weighted_losses() -> None:
    """The measurement adds nothing to them."""
    model, fixed = model_with(), build_model("hard_sharing", vocabulary(), heads=HEADS)
    fixed.load_state_dict(model.state_dict(), strict=False)
    batch = batch_for(model.vocab)
    for own in (model, fixed):
        own(batch)["loss"].backward()
    found = {name: own.grad for name, own in model.named_parameters()}
    assert_close(found, {name: own.grad for name, own in fixed.named_parameters()})


def test_a_measured_reversal_does_not_see_the_measurement() -> None:
    adversary = {"type": "domain_adversarial", "dropout": 0.0, "reversal": "gradient_share"}
    shares = []
    for weighting in ("fixed", "gradnorm"):
        model = build_model(
            "adversarial", vocabulary(), objectives=[adversary], loss_weighting=weighting
        )
        model(batch_for(model.vocab))["loss"].backward()
        model.end_step()
        shares.append(float(model.objectives[0].reversal.log_ratio))
    assert shares[0] == pytest.approx(shares[1], rel=1e-5) and shares[0]


def test_heads_without_sentences_keep_their_norms() -> None:
    model = model_with(alpha=0.0)
    whole = batch_for(model.vocab)
    by_head = {name: share_totals([whole.select(whole.sentences_of(name))])[0] for name in NAMES}
    norms = []
    for number, name in enumerate(NAMES):
        model(by_head[name])["loss"].backward()
        model.end_step()
        norms.append(float(model.loss_weighting.norms_H[number]))
        # Nothing is known yet of the last head.
        assert bool((model.loss_weighting.weights_H == 1).all()) == (number < 2)
    assert model.loss_weighting.norms_H.tolist() == norms and all(norms)
    # The largest gradient gets less weight.
    order = model.loss_weighting.weights_H.argsort(descending=True)
    assert order[-1] == int(torch.tensor(norms).argmax())


def test_resumes_exactly(tmp_path: Path) -> None:
    config = tiny_config(
        model__loss_weighting={"type": "gradnorm", "lr": 0.1},
        trainer__num_epochs=2,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
    )
    train_model(config, tmp_path / "whole")
    with stopping_before(4):
        train_model(config, tmp_path / "stopped")
    train_model(config, tmp_path / "stopped", recover=True)
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []
    metrics = json.loads((tmp_path / "whole" / "metrics.json").read_text("utf-8"))
    weights = [metrics[f"training_{head}_loss_weight"] for head in NAMES]
    assert sum(weights) == pytest.approx(3.0) and max(weights) > 1.05
    assert all(metrics[f"training_{head}_gradient_norm"] > 0 for head in NAMES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": -1}, r"model\.loss_weighting\.alpha: expected 0 or more, found -1"),
        ({"lr": 0}, r"model\.loss_weighting\.lr: expected more than 0, found 0"),
        ({"layer": "("}, r"model\.loss_weighting\.layer: .* is not a regular expression"),
    ],
)
def test_invalid_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked_job(tiny_config(model__loss_weighting={"type": "gradnorm", **settings}))


def test_half_precision_and_several_processes_are_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tiny_config(model__loss_weighting="gradnorm")
    config["trainer"]["precision"] = "fp16"
    with pytest.raises(ConfigurationError, match=r"model\.loss_weighting: \"fp16\" scales losses"):
        checked_job(config)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigurationError, match="GradNorm needs the whole batch at once"):
        checked_job(tiny_config(model__loss_weighting="gradnorm"))


def test_a_layer_that_does_not_exist_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match=r'layer: "layer\.9" matches no parameter'):
        model_with(layer="layer.9")


def test_a_frozen_layer_is_rejected() -> None:
    model = model_with()
    model.encoder.requires_grad_(False)
    with pytest.raises(ConfigurationError, match=r"frozen by trainer\.no_grad"):
        model(batch_for(model.vocab))


class TestGradNorm(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/gradnorm.jsonnet")
        self.ensure_model_can_train_save_and_load()
