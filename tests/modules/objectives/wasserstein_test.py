"""Critic of the Wasserstein distance, against its definition and a known distance."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.label_spaces import DatasetSpace
from ner_adv_plugin.modules.objectives import WassersteinCritic
from ner_adv_plugin.modules.towers import TowerStates
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from tests.modules.examples import mixed_batch, vocabulary, vocabulary_of
from tests.modules.objectives.example import VOCAB, example, micro_batches, objective_of
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import single_task_config, tiny_config

SPACES = {
    "weibo": DatasetSpace("weibo", "social", "ner"),
    "msra": DatasetSpace("msra", "news", "ner"),
    "reviews": DatasetSpace(None, "reviews", "ner"),
}
THREE = vocabulary_of(SPACES)


def critic(**settings: Any) -> WassersteinCritic:
    objective = objective_of("wasserstein", **{"hidden_size": 5, **settings})
    assert isinstance(objective, WassersteinCritic)
    return objective


def value_and_slope(objective: WassersteinCritic, vector: Tensor, pair: int) -> tuple[Any, Any]:
    """Value of the critic and its gradient at a vector, unit by unit."""
    first, _, last = objective.critic
    assert isinstance(first, torch.nn.Linear) and isinstance(last, torch.nn.Linear)
    value, slope = torch.zeros(()), torch.zeros_like(vector)
    for unit in range(first.out_features):
        before = first.weight[unit] @ vector + first.bias[unit]
        if float(before.detach()) > 0:
            value = value + last.weight[pair, unit] * before
            slope = slope + last.weight[pair, unit] * first.weight[unit]
    return value, slope


def test_loss_and_gradients_by_hand() -> None:
    torch.manual_seed(1)
    batch = mixed_batch(THREE, {"weibo": [5, 2, 2], "msra": [4, 4], "reviews": [3]})
    values = torch.randn(6, 5, 3, requires_grad=True)
    states = {"shared": TowerStates(values, list(range(6)), batch)}
    objective = critic(
        vocab=THREE, pooling="mean", penalty=4.0, reversal={"type": "constant", "scale": 0.5}
    )
    torch.manual_seed(7)
    loss, statistics = objective(states, batch, 0.0)

    torch.manual_seed(7)
    by_domain: dict[int, list[Tensor]] = {}
    for sentence, length in enumerate(batch.lengths):
        by_domain.setdefault(int(batch.domain_B[sentence]), []).append(
            values[sentence, :length].mean(0)
        )
    distances, penalties = [], []
    for pair, (i, j) in enumerate(itertools.combinations(sorted(by_domain), 2)):
        one, other = by_domain[i], by_domain[j]
        means = [
            sum(value_and_slope(objective, vector, pair)[0] for vector in own) / len(own)
            for own in (one, other)
        ]
        distances.append(means[0] - means[1])
        count = max(len(one), len(other))
        shares = torch.rand(count, 1)
        orders = [torch.randperm(len(own)).tolist() for own in (one, other)]
        between = []
        for k in range(count):
            start, end = one[orders[0][k % len(one)]], other[orders[1][k % len(other)]]
            between.append(start + shares[k] * (end - start))
        points = [vector.detach() for vector in (*one, *other, *between)]
        slopes = [value_and_slope(objective, point, pair)[1] for point in points]
        penalties.append(sum((slope.norm() - 1) ** 2 for slope in slopes) / len(points))
    distance, penalty = sum(distances) / 3, sum(penalties) / 3
    assert_close(loss, 4.0 * penalty - distance)
    assert_close(statistics["wasserstein_distance"], (distance.detach(), 1))
    assert_close(statistics["gradient_penalty"], (penalty.detach(), 1))
    assert statistics["reversal_scale"] == (0.5, 1)

    # The towers minimise the distance; the critic minimises the loss.
    parameters = list(objective.critic.parameters())
    found = torch.autograd.grad(loss, [values, *parameters])
    (of_towers,) = torch.autograd.grad(distance, values, retain_graph=True)
    assert_close(found[0], 0.5 * of_towers)
    expected = torch.autograd.grad(4.0 * penalty - distance, parameters)
    assert_close(found[1:], expected, rtol=1e-4, atol=1e-6)


def test_the_critic_finds_the_distance_of_shifted_samples() -> None:
    """A shift by 3 has the distance 3, at a slope a of 1; 3 a - 10 (a - 1)^2 is largest at 1.15."""
    torch.manual_seed(0)
    one = torch.randn(200, 2)
    other = one + torch.tensor([3.0, 0.0])
    objective = critic(vocab=VOCAB, dims={"shared": 2}, hidden_size=32)
    optimizer = torch.optim.Adam(objective.critic.parameters(), lr=0.01)
    for _ in range(400):
        optimizer.zero_grad()
        loss = 10 * objective.gradient_penalty(one, other, 0) - objective.distance(one, other, 0)
        loss.backward()
        optimizer.step()
    assert float(objective.distance(one, other, 0).detach()) == pytest.approx(3 * 1.15, rel=0.02)


def test_the_towers_bring_domains_closer() -> None:
    torch.manual_seed(0)
    batch, states = example()
    shared = states["shared"].states_BLD
    objective = critic(pooling="mean", hidden_size=16)
    optimizer = torch.optim.Adam([{"params": objective.critic.parameters(), "lr": 0.02}])

    def gap() -> float:
        means = [
            torch.stack(
                [shared[i, :n].mean(0) for i, n in enumerate(batch.lengths) if own[i]]
            ).mean(0)
            for own in (batch.domain_B == 0, batch.domain_B == 1)
        ]
        return float((means[0] - means[1]).norm().detach())

    before = gap()
    for _ in range(60):
        # As in the paper, several steps of the critic before one of the towers.
        for _ in range(5):
            optimizer.zero_grad()
            shared.grad = None
            objective(states, batch, 0.0)[0].backward()
            optimizer.step()
        assert shared.grad is not None
        shared.data -= 0.2 * shared.grad
    assert gap() < before / 2


def test_one_domain_in_a_batch_gives_no_loss() -> None:
    batch, states = example()
    ((micro, own),) = micro_batches(batch, states, [[0]])
    loss, _ = critic()(own, micro, 0.0)
    assert loss == 0
    loss.backward()


def test_without_gradients_it_can_be_evaluated() -> None:
    batch, states = example()
    with torch.no_grad():
        loss, statistics = critic()(states, batch, 0.0)
    assert not loss.requires_grad and statistics["gradient_penalty"][0] > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, r"model\.objectives\.0\.hidden_size: expected 1 or more, found 0"),
        ({"penalty": -1}, r"model\.objectives\.0\.penalty: expected 0 or more, found -1"),
    ],
)
def test_invalid_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked_job(tiny_config(model__objectives=[{"type": "wasserstein", **settings}]))


def test_batches_are_not_cut() -> None:
    config = tiny_config(model__objectives=[{"type": "wasserstein"}])
    config["trainer"]["max_tokens_per_pass"] = 100
    with pytest.raises(ConfigurationError, match="compares the sentences of a whole batch"):
        checked_job(config)


def test_one_domain_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="needs two domains or more"):
        critic(vocab=vocabulary("msra", "msr"))
    config = single_task_config(model__objectives=[{"type": "wasserstein"}])
    config["model"]["type"] = "adversarial"
    with pytest.raises(ConfigurationError, match=r"model\.objectives\.0: needs two domains"):
        checked_job(config)


def test_resumes_exactly(tmp_path: Path) -> None:
    """With the random points of the critic, and with random matrices."""
    config = tiny_config(
        model__objectives=[
            {"type": "wasserstein", "reversal": {"type": "gradient_share", "share": 0.2}},
            {"type": "conditional_adversarial", "head": "weibo", "max_size": 0},
        ],
        trainer__num_epochs=2,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
    )
    train_model(config, tmp_path / "whole")
    with stopping_before(4):
        train_model(config, tmp_path / "stopped")
    train_model(config, tmp_path / "stopped", recover=True)
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []
