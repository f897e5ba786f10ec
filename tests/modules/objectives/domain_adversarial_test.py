"""A discriminator of domains behind a gradient reversal."""

import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batch import Batch, share_totals
from ner_adv_plugin.modules.objectives import DomainAdversarial, Objective
from ner_adv_plugin.modules.towers import TowerStates
from tests.modules.examples import mixed_batch, vocabulary

VOCAB = vocabulary()
DIMS = {"shared": 3, "other": 2}


def objective_of(**settings: Any) -> DomainAdversarial:
    torch.manual_seed(0)
    config = {"type": "domain_adversarial", "dropout": 0.0, **settings}
    made = Objective.from_params(config, vocab=VOCAB, dims=DIMS)
    assert isinstance(made, DomainAdversarial)
    return made


def example() -> tuple[Batch, dict[str, TowerStates]]:
    """Rows of two domains, one of them without labels, and random states of two towers."""
    torch.manual_seed(1)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "msra": [4], "reviews": [3]})
    rows = list(range(len(batch)))
    states = {name: torch.randn(4, 5, size, requires_grad=True) for name, size in DIMS.items()}
    return batch, {name: TowerStates(x, rows, batch) for name, x in states.items()}


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_loss_is_the_cross_entropy_of_the_domain(pooling: str) -> None:
    objective = objective_of(pooling=pooling, weight=3.0)
    batch, states = example()
    loss, statistics = objective(states, batch, 0.5)
    linear = objective.discriminator[-1]
    assert isinstance(linear, torch.nn.Linear)
    total, right = 0.0, 0
    domains = {"weibo": "social", "msra": "news", "reviews": "social"}
    for row, length in enumerate(batch.lengths):
        real = states["shared"].states_BLD[row, :length]
        pooled = real.max(0).values if pooling == "max" else real.mean(0)
        scores = [(w @ pooled + b).item() for w, b in zip(linear.weight, linear.bias, strict=True)]
        gold = VOCAB.domains.index(domains[batch.datasets[row]])
        total += math.log(sum(math.exp(score) for score in scores)) - scores[gold]
        right += scores[gold] == max(scores)
    assert loss.item() == pytest.approx(total / 4, rel=1e-5)
    assert statistics["discriminator_accuracy"] == (right, 4)
    assert statistics["reversal_scale"] == (1.0, 1)


def test_rows_without_labels_count() -> None:
    batch, states = example()
    unlabelled = batch.heads.index(None)
    objective_of()(states, batch, 0.0)[0].backward()
    gradient = states["shared"].states_BLD.grad
    assert gradient is not None and gradient[unlabelled].any() and batch.total == 4


def test_towers_get_the_reversed_gradient_and_the_discriminator_the_whole() -> None:
    batch, states = example()
    gradients: dict[float, Any] = {}
    for scale in (1.0, 0.25, 0.0):
        objective = objective_of(reversal={"type": "constant", "scale": scale}, hidden_size=4)
        loss, _ = objective(states, batch, 0.0)
        inputs = [states["shared"].states_BLD, *objective.parameters()]
        gradients[scale] = torch.autograd.grad(loss, inputs)
    plain = objective_of(hidden_size=4)
    pooled = torch.stack([states["shared"].states_BLD[i, :n].max(0).values for i, n in enumerate(batch.lengths)])
    direct = torch.nn.functional.cross_entropy(plain.discriminator(pooled), batch.domain_B)
    forward = torch.autograd.grad(direct, [states["shared"].states_BLD, *plain.parameters()])
    for scale, (towers, *discriminator) in gradients.items():
        assert_close(towers, -scale * forward[0])
        for actual, expected in zip(discriminator, forward[1:], strict=True):
            assert_close(actual, expected)


def test_scale_follows_its_schedule() -> None:
    batch, states = example()
    objective = objective_of(reversal={"type": "dann", "scale": 0.1})
    _, statistics = objective(states, batch, 0.5)
    assert statistics["reversal_scale"] == (pytest.approx(0.1 * math.tanh(2.5)), 1)


def test_several_towers_are_put_side_by_side() -> None:
    batch, states = example()
    objective = objective_of(reads=["shared", "other"])
    assert objective.discriminator[-1].in_features == 5
    loss, _ = objective(states, batch, 0.0)
    loss.backward()
    assert all(part.states_BLD.grad is not None and part.states_BLD.grad.any() for part in states.values())


def test_losses_of_micro_batches_sum_to_that_of_the_global_batch() -> None:
    batch, states = example()
    objective = objective_of()
    parts = []
    for rows, part in zip(([0, 3], [1, 2]), share_totals([batch.select([0, 3]), batch.select([1, 2])]), strict=True):
        own = {"shared": TowerStates(states["shared"].select(rows), list(range(2)), part)}
        parts.append(objective(own, part, 0.0)[0])
    assert_close(sum(parts), objective(states, batch, 0.0)[0])


def test_one_domain_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="needs two domains or more, the datasets have .'news'."):
        DomainAdversarial(vocabulary("msra", "msr"), DIMS)
