"""Dynamic weight average, against the formula as a loop."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.loss_weighting import DynamicWeightAverage
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.data.global_batch import share_totals
from tests.models.building import HEAD, batch_for, build_model
from tests.modules.examples import vocabulary
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import tiny_config

# By epoch the losses of each step, and by how many sentences of the task it has.
EPOCHS: list[dict[str, list[tuple[float, float]]]] = [
    {"a": [(4.0, 1.0), (2.0, 1.0)], "b": [(10.0, 1.0)]},
    {"a": [(2.0, 1.0)], "b": [(9.0, 1.0), (6.0, 1.0)]},
    {"a": [(1.0, 1.0), (1.5, 1.0)], "b": [(7.0, 1.0)]},
    {"a": [(1.2, 1.0)]},
    {"a": [(1.1, 1.0)], "b": [(1.0, 1.0)]},
]


def by_hand(means: dict[str, list[float]], temperature: float) -> dict[str, float]:
    """Weights from the means of all previous epochs."""
    ratios = {head: own[-1] / own[-2] if len(own) > 1 else 1.0 for head, own in means.items()}
    total = sum(math.exp(ratio / temperature) for ratio in ratios.values())
    return {
        head: len(means) * math.exp(ratio / temperature) / total for head, ratio in ratios.items()
    }


def weights_of(weighting: DynamicWeightAverage) -> dict[str, float]:
    return {
        name.removesuffix("_loss_weight"): float(value)
        for name, (value, _) in weighting.report().items()
    }


@pytest.mark.parametrize("temperature", [2.0, 0.3])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "in micro-batches"])
def test_by_hand(temperature: float, cut: bool) -> None:
    weighting = DynamicWeightAverage(["a", "b"], temperature)
    means: dict[str, list[float]] = {"a": [], "b": []}
    for epoch in EPOCHS:
        expected = by_hand(means, temperature)
        for step in range(2):
            for head, losses in epoch.items():
                if step >= len(losses):
                    continue
                value, share = losses[step]
                for part in (0.25, 0.75) if cut else (1.0,):
                    loss = torch.tensor(part * value, requires_grad=True)
                    weighted = weighting(head, 3.0, loss, part * share)
                    assert float(weighted.detach()) == pytest.approx(
                        3 * expected[head] * part * value, rel=1e-5
                    )
            weighting.end_step()
        assert weights_of(weighting) == pytest.approx(expected, rel=1e-5)
        weighting.end_epoch()
        for head, losses in epoch.items():
            means[head].append(sum(value for value, _ in losses) / len(losses))
    assert weights_of(weighting)["a"] != pytest.approx(1.0)


def test_the_first_two_epochs_have_weights_of_1() -> None:
    weighting = DynamicWeightAverage(["a", "b"])
    for epoch in EPOCHS[:2]:
        assert weights_of(weighting) == {"a": 1.0, "b": 1.0}
        for head, losses in epoch.items():
            weighting(head, 1.0, torch.tensor(losses[0][0], requires_grad=True), 1.0)
        weighting.end_step()
        weighting.end_epoch()
    assert weights_of(weighting) != {"a": 1.0, "b": 1.0}


def test_heads_that_a_stage_does_not_train_do_not_count() -> None:
    weighting = DynamicWeightAverage(["a", "b", "c"])
    for epoch in EPOCHS[:3]:
        for head in ("a", "b"):
            for value, share in epoch[head]:
                weighting(head, 1.0, torch.tensor(value, requires_grad=True), share)
        weighting.end_step()
        weighting.end_epoch()
    pair = DynamicWeightAverage(["a", "b"])
    for name in ("last_H", "before_last_H"):
        getattr(pair, name).copy_(getattr(weighting, name)[:2])
    assert weights_of(weighting) == pytest.approx({**weights_of(pair), "c": 1.0})
    assert weights_of(pair)["a"] != pytest.approx(1.0)


def test_evaluation_does_not_count() -> None:
    weighting = DynamicWeightAverage(["a"]).eval()
    weighting("a", 1.0, torch.tensor(5.0), 1.0)
    weighting.end_step()
    assert not weighting.shares_H.any()


def test_a_model_measures_the_losses_before_weights() -> None:
    vocab = vocabulary()
    heads = {"weibo": {**HEAD, "weight": 2.0}, "msra": HEAD, "msr": HEAD}
    model = build_model("hard_sharing", vocab, heads=heads, loss_weighting="dwa")
    batches = share_totals([batch_for(vocab).select([0, 3, 4, 8]), batch_for(vocab)])
    expected = dict.fromkeys(heads, 0.0)
    for batch in batches:
        statistics = model(batch)["statistics"]
        for name in set(batch.heads) & set(heads):
            expected[name] += float(statistics[f"{name}_optimized_loss"][0]) / batch.totals[name]
        model.loss_weighting._step = {}
    for batch in batches:
        model(batch)
    model.end_step()
    model.end_epoch()
    assert_close(model.loss_weighting.last_H, torch.tensor([*expected.values()]))


def test_resumes_exactly(tmp_path: Path) -> None:
    config = tiny_config(
        model__loss_weighting={"type": "dwa", "temperature": 0.1},
        trainer__num_epochs=4,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
    )
    train_model(config, tmp_path / "whole")
    for step in (4, 10):
        with stopping_before(step):
            train_model(config, tmp_path / "stopped", recover=step > 4)
    train_model(config, tmp_path / "stopped", recover=True)
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []
    metrics = json.loads((tmp_path / "whole" / "metrics.json").read_text("utf-8"))
    weights = [metrics[f"training_{head}_loss_weight"] for head in ("weibo", "msra", "msr")]
    assert sum(weights) == pytest.approx(3.0) and max(weights) > 1.01


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_invalid_settings(temperature: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"model\.loss_weighting\.temperature: expected more than 0"
    ):
        checked_job(tiny_config(model__loss_weighting={"type": "dwa", "temperature": temperature}))


class TestDynamicWeightAverage(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/dwa.jsonnet")
        self.ensure_model_can_train_save_and_load()
