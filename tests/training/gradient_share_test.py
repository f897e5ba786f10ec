"""A reversal whose strength is a share of the heads' gradient."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.objectives import DomainAdversarial
from ner_adv_plugin.modules.schedules import GradientShare, Schedule
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import model_and_loader, tiny_config

SHARE = 0.25
# Heads that read the shared tower through another tower, too.
PROJECTED = {
    "model.towers": {"top": {"type": "pass_through"}},
    "model.inputs": {"top": ["shared", "encoder"]},
    "model.heads.msr": {"type": "crf", "dropout": 0.0, "reads": ["top"]},
}


def config_of(reversal: dict[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    return tiny_config(
        model__encoder__dropout=0.0,
        model__head={"type": "crf", "dropout": 0.0},
        model__objectives=[
            {
                "type": "domain_adversarial",
                "weight": 0.06,
                "dropout": 0.0,
                "reversal": {"type": "gradient_share", "share": SHARE, **(reversal or {})},
            },
            {"type": "mmd", "weight": 0.3},
        ],
        **overrides,
    )


def model_of(config: dict[str, Any]) -> tuple[SharingModel, list[Batch]]:
    model, loader = model_and_loader(config)
    assert isinstance(model, SharingModel)
    return model.train(), [b for planned in loader.plan(0) for b in loader.batches([planned])]


def by_hand(model: SharingModel, batch: Batch, objective: DomainAdversarial) -> tuple[float, float]:
    """Norms of the gradients of the heads and of the discriminator, without reversal."""
    shared: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Tensor) -> None:
        shared.append(output)

    # A hook keeps the tower out of the common recurrence.
    handle = model.towers["shared"].register_forward_hook(keep)
    losses = model(batch, 0.5)["losses"]
    handle.remove()
    (states_BLD,) = shared
    heads = sum(loss for name, loss in losses.items() if name.startswith("heads."))
    (of_heads,) = torch.autograd.grad(heads, states_BLD, retain_graph=True)
    pooled = torch.stack([states_BLD[i, :n].max(0).values for i, n in enumerate(batch.lengths)])
    loss = torch.nn.functional.cross_entropy(objective.discriminator(pooled), batch.domain_B)
    (own,) = torch.autograd.grad(objective.weight * loss, states_BLD)
    return float(of_heads.norm()), float(own.norm())


@pytest.mark.parametrize("overrides", [{}, PROJECTED], ids=["direct", "through a tower"])
def test_scale_is_the_share_of_the_heads_gradient(overrides: dict[str, Any]) -> None:
    config = config_of({"smoothing": 0.5})
    named = {name.replace(".", "__"): value for name, value in overrides.items()}
    model, batches = model_of(config_of({"smoothing": 0.5}, **named) if named else config)
    objective = model.objectives[0]
    assert isinstance(objective, DomainAdversarial)
    assert objective.reversal.at(0.5) == 0.0

    average = 0.0
    for number, batch in enumerate(batches[:4]):
        heads, own = by_hand(model, batch, objective)
        # The hand-made passes are measured as well: start the step anew.
        assert isinstance(objective.reversal, GradientShare)
        objective.reversal._own = objective.reversal._heads = 0.0
        scale = objective.reversal.at(0.5)
        model(batch, 0.5)["loss"].backward()
        statistics = model.end_step()

        assert statistics["objective_0_reversal_share"] == (
            pytest.approx(scale * own / heads, rel=1e-4),
            1,
        )
        weight = 1.0 if number == 0 else 0.5
        average += weight * (math.log(heads / own) - average)
        assert objective.reversal.at(0.5) == pytest.approx(SHARE * math.exp(average), rel=1e-4)


def test_the_share_is_reached_on_the_same_batch() -> None:
    model, (batch, *_) = model_of(config_of({"smoothing": 0.0}))
    shares = []
    for _ in range(2):
        model(batch, 0.5)["loss"].backward()
        shares.append(model.end_step()["objective_0_reversal_share"][0])
    assert shares == [0.0, pytest.approx(SHARE, rel=1e-5)]


def test_micro_batches_add_up() -> None:
    config = config_of()
    config["model"]["objectives"].pop()
    model, loader = model_and_loader(config)
    planned = loader.plan(0)[0]
    scales = []
    for plan in ([planned], [planned[:5], planned[5:]]):
        fresh, _ = model_of(config)
        for batch in loader.batches(plan):
            fresh(batch, 0.5)["loss"].backward()
        fresh.end_step()
        assert isinstance(fresh.objectives[0], DomainAdversarial)
        scales.append(fresh.objectives[0].reversal.at(0.5))
    assert scales[0] == pytest.approx(scales[1], rel=1e-5) and scales[0] > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_trains_at_the_share(tmp_path: Path, precision: str) -> None:
    config = config_of({"smoothing": 0.5}, trainer__precision=precision, trainer__num_epochs=4)
    config["model"]["objectives"].pop()
    config["trainer"]["callbacks"] = [{"type": "reversal_health", "interval": 1}]
    metrics = train_model(config, tmp_path)
    assert metrics["training_reversal_share"] == pytest.approx(SHARE, rel=0.3)
    # Measured in another way by the callback, on all steps of the epoch.
    assert metrics["training_reversal_ratio"] == pytest.approx(
        metrics["training_reversal_share"], rel=1e-2 if precision == "bf16" else 1e-4
    )


def test_the_weight_does_not_change_the_share(tmp_path: Path) -> None:
    results = []
    for weight in (0.01, 1.0):
        config = config_of()
        config["model"]["objectives"].pop()
        config["model"]["objectives"][0]["weight"] = weight
        model, batches = model_of(config)
        model(batches[0], 0.5)["loss"].backward()
        model.end_step()
        assert isinstance(model.objectives[0], DomainAdversarial)
        results.append(weight * model.objectives[0].reversal.at(0.5))
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_resumes_exactly(tmp_path: Path) -> None:
    config = config_of(
        {"schedule": {"type": "dann"}},
        trainer__num_epochs=2,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
    )
    train_model(config, tmp_path / "whole")
    with stopping_before(4):
        train_model(config, tmp_path / "stopped")
    train_model(config, tmp_path / "stopped", recover=True)
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []


def test_another_number_of_epochs_is_refused_only_with_a_schedule() -> None:
    assert not Schedule.from_params({"type": "gradient_share"}).depends_on_length
    share = Schedule.from_params({"type": "gradient_share", "schedule": "dann"})
    assert share.depends_on_length


def test_a_vanishing_gradient_is_bounded_and_not_averaged() -> None:
    share = GradientShare(share=0.5, max_scale=40.0)
    share.add_heads(torch.full((2,), 1.0))
    assert share.end_step() is None and share.at(1.0) == 0.0
    share.add_heads(torch.tensor([3.0]))
    share.add_heads(torch.tensor([4.0]))
    share.add_own(torch.tensor([0.01]))
    assert share.end_step() == pytest.approx(0.002)
    assert share.at(1.0) == 40.0
    share.add_own(torch.tensor([float("nan")]))
    share.add_heads(torch.tensor([1.0]))
    assert share.end_step() is None and share.at(1.0) == 40.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 0}, r"reversal\.share: expected above 0, found 0"),
        ({"smoothing": 1}, r"reversal\.smoothing: expected 0 to below 1, found 1"),
        ({"max_scale": -1}, r"reversal\.max_scale: expected above 0, found -1"),
    ],
)
def test_numbers_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"model\.objectives\.0\.{message}"):
        checked_job(config_of(settings))


def test_only_a_reversal_is_measured() -> None:
    config = config_of()
    config["model"]["objectives"][1]["schedule"] = "gradient_share"
    with pytest.raises(
        ConfigurationError, match=r'model\.objectives\.1\.schedule: "gradient_share" sets'
    ):
        checked_job(config)


def test_without_it_nothing_is_stored(tmp_path: Path) -> None:
    config = config_of()
    config["model"]["objectives"][0]["reversal"] = {"type": "constant"}
    model, batches = model_of(config)
    model(batches[0], 0.5)["loss"].backward()
    assert model.end_step() == {}
    assert not [name for name in model.state_dict() if "reversal" in name]
