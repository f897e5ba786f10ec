"""Loss weightings against hand-computed values and the minimum of the loss."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from ner_adv_plugin.modules.loss_weighting import FixedWeighting, UncertaintyWeighting
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.data.global_batch import share_totals
from tests.models.building import HEAD, batch_for, build_model
from tests.modules.examples import vocabulary
from tests.tiny import tiny_config, weights

THREE = torch.tensor(3.0)


def uncertainty(**log_variances: float) -> UncertaintyWeighting:
    weighting = UncertaintyWeighting(list(log_variances))
    for parameter, value in zip(weighting.log_variances, log_variances.values(), strict=True):
        parameter.data.fill_(value)
    return weighting


def test_by_hand() -> None:
    assert FixedWeighting(["a"])("a", 0.5, THREE, 0.25) == 1.5
    # sigma = 2: 3 / 4 + ln 2; sigma = 1: 3.
    weighting = uncertainty(a=math.log(4.0), b=0.0)
    assert float(weighting("a", 1.0, THREE, 1.0).detach()) == pytest.approx(0.75 + math.log(2))
    assert float(weighting("a", 2.0, THREE, 0.5).detach()) == pytest.approx(
        2 * (0.75 + math.log(2) / 2)
    )
    assert float(weighting("b", 1.0, THREE, 1.0).detach()) == 3.0
    assert {name: float(value) for name, (value, _) in weighting.report().items()} == pytest.approx(
        {"a_log_variance": math.log(4.0), "b_log_variance": 0.0}
    )


def test_uncertainty_equals_torchjd() -> None:
    """The library implements the form for regression, which halves the loss."""
    scalarization = pytest.importorskip("torchjd.scalarization")
    ours, theirs = uncertainty(a=0.4, b=-1.3), scalarization.UW(2)
    theirs.load_state_dict({name: torch.tensor([0.4, -1.3]) for name in theirs.state_dict()})
    losses = {"a": torch.tensor(0.7), "b": torch.tensor(2.9)}
    total = sum(ours(name, 1.0, loss, 1.0) for name, loss in losses.items())
    assert_close(total, theirs(2 * torch.stack([*losses.values()])))


@given(st.floats(0.01, 50), st.floats(0.1, 5))
def test_learnt_variance(loss: float, weight: float) -> None:
    """exp(-s) l + s / 2 is minimal at s = ln 2 l, independent of the weight."""
    weighting = uncertainty(a=math.log(2 * loss))
    weighting("a", weight, torch.tensor(loss), 1.0).backward()
    assert float(weighting.log_variances[0].grad) == pytest.approx(0.0, abs=1e-5)


def test_a_model_sums_weighted_losses() -> None:
    vocab = vocabulary()
    batch = batch_for(vocab)
    heads = {"weibo": {**HEAD, "weight": 2.0}, "msra": HEAD, "msr": {**HEAD, "weight": 0.5}}
    fixed = build_model("adversarial", vocab, heads=heads)
    learnt = build_model("adversarial", vocab, heads=heads, loss_weighting="uncertainty")
    before, after = fixed(batch), learnt(batch)
    assert list(before["losses"]) == ["heads.weibo", "heads.msra", "heads.msr", "objectives.0"]
    assert_close(torch.stack([*before["losses"].values()]).sum(), before["loss"])
    # All log variances are initially 0.
    assert_close(after["losses"], before["losses"])
    unweighted = {
        name: before["statistics"][f"{name}_loss"][0] / batch.totals[name] for name in heads
    }
    for index, (name, settings) in enumerate(heads.items()):
        assert_close(
            before["losses"][f"heads.{name}"], settings.get("weight", 1.0) * unweighted[name]
        )
        learnt.loss_weighting.log_variances[index].data.fill_(0.3 * index)
        expected = settings.get("weight", 1.0) * (
            math.exp(-0.3 * index) * unweighted[name] + 0.15 * index
        )
        assert_close(learnt(batch)["losses"][f"heads.{name}"], expected)
    assert_close(learnt(batch)["losses"]["objectives.0"], before["losses"]["objectives.0"])


def test_micro_batches_add_up() -> None:
    vocab = vocabulary()
    model = build_model("hard_sharing", vocab, loss_weighting="uncertainty")
    whole = batch_for(vocab)
    for parameter in model.loss_weighting.log_variances:
        parameter.data.fill_(0.7)
    (one,) = share_totals([whole])
    micro = share_totals([whole.select([0, 2, 5]), whole.select([1, 3, 4, 6, 7, 8, 9])])
    assert_close(sum(model(micro_batch)["loss"] for micro_batch in micro), model(one)["loss"])


def test_variance_of_a_head_without_sentences_gets_no_gradient() -> None:
    vocab = vocabulary()
    model = build_model("hard_sharing", vocab, loss_weighting="uncertainty")
    whole = batch_for(vocab)
    (micro_batch,) = share_totals([whole.select(whole.sentences_of("msra"))])
    model(micro_batch)["loss"].backward()
    has_gradient = [parameter.grad is not None for parameter in model.loss_weighting.log_variances]
    assert has_gradient == [name == "msra" for name in model.heads]


def test_variances_are_learnt_and_saved(tmp_path: Path) -> None:
    train_model(
        tiny_config(model__loss_weighting="uncertainty", trainer__num_epochs=2), tmp_path / "run"
    )
    state = weights(tmp_path / "run" / "best.th")
    learnt = [
        float(value)
        for name, value in state.items()
        if name.startswith("loss_weighting.log_variances.")
    ]
    assert len(learnt) == 3 and all(learnt)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))
    assert all(f"training_{head}_log_variance" in metrics for head in ("weibo", "msra", "msr"))


class TestUncertainty(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/uncertainty.jsonnet")
        self.ensure_model_can_train_save_and_load()
