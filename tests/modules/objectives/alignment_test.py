"""Distances between the distributions of domains, against their definitions."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.label_spaces import DatasetSpace
from ner_adv_plugin.modules.towers import TowerStates
from tests.modules.examples import mixed_batch, vocabulary, vocabulary_of
from tests.modules.objectives.example import VOCAB, example, micro_batches, objective_of

TYPES = ["mmd", "coral"]
SPACES = {
    "weibo": DatasetSpace("weibo", "social", "ner"),
    "msra": DatasetSpace("msra", "news", "ner"),
    "reviews": DatasetSpace(None, "reviews", "ner"),
}
THREE = vocabulary_of(SPACES)


def mmd_by_hand(one: list[list[float]], other: list[list[float]], bandwidths: list[float]) -> float:
    """Means of kernel values, pair by pair."""

    def square(x: list[float], y: list[float]) -> float:
        return sum((a - b) ** 2 for a, b in zip(x, y, strict=True))

    sentences = one + other
    mean = sum(square(x, y) for x, y in itertools.combinations(sentences, 2)) / math.comb(
        len(sentences), 2
    )

    def kernel(xs: list[list[float]], ys: list[list[float]]) -> float:
        values = [math.exp(-square(x, y) / (b * mean)) for x in xs for y in ys for b in bandwidths]
        return sum(values) / len(values)

    return kernel(one, one) + kernel(other, other) - 2 * kernel(one, other)


def coral_by_hand(one: list[list[float]], other: list[list[float]]) -> float:
    difference = np.cov(np.array(one), rowvar=False) - np.cov(np.array(other), rowvar=False)
    return float((difference**2).sum() / (4 * len(one[0]) ** 2))


@pytest.mark.parametrize("objective_type", TYPES)
def test_loss_is_the_mean_over_all_pairs_of_domains(objective_type: str) -> None:
    torch.manual_seed(1)
    batch = mixed_batch(THREE, {"weibo": [5, 2], "msra": [4, 4, 1], "reviews": [3, 3]})
    values = torch.randn(7, 5, 3, requires_grad=True)
    states = {"shared": TowerStates(values, list(range(7)), batch)}
    settings: dict[str, Any] = {"bandwidths": [0.5, 2.0]} if objective_type == "mmd" else {}
    loss, statistics = objective_of(objective_type, vocab=THREE, pooling="mean", **settings)(
        states, batch, 0.0
    )
    domains: dict[str, list[list[float]]] = {}
    for sentence, dataset in enumerate(batch.datasets):
        domains.setdefault(dataset, []).append(
            values[sentence, : batch.lengths[sentence]].mean(0).tolist()
        )
    pairs = list(itertools.combinations(domains.values(), 2))
    distances = [
        mmd_by_hand(*pair, [0.5, 2.0]) if objective_type == "mmd" else coral_by_hand(*pair)
        for pair in pairs
    ]
    assert len(pairs) == 3 and not statistics
    assert loss.item() == pytest.approx(sum(distances) / 3, rel=1e-4)
    loss.backward()
    # All sentences get a gradient, unlabelled ones, too.
    assert (
        values.grad is not None
        and values.grad.isfinite().all()
        and values.grad.flatten(1).any(1).all()
    )


@given(
    st.lists(st.integers(-3, 3), min_size=2, max_size=6),
    st.lists(st.integers(-3, 3), min_size=2, max_size=6),
)
def test_distances_are_symmetric_nonnegative_and_0_between_equal_samples(
    one: list[int], other: list[int]
) -> None:
    x, y = (torch.tensor([[float(v), float(v * v)] for v in values]) for values in (one, other))
    for objective_type in TYPES:
        objective = objective_of(objective_type)
        assert_close(objective.distance(x, y), objective.distance(y, x))
        assert objective.distance(x, y) >= -1e-6
        assert objective.distance(x, x.flip(0)).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("objective_type", TYPES)
def test_gradient_descent_reduces_the_distance(objective_type: str) -> None:
    torch.manual_seed(0)
    one, other = torch.randn(8, 2), torch.nn.Parameter(torch.randn(8, 2) * 3 + 2)
    objective = objective_of(objective_type)
    before = objective.distance(one, other).item()
    optimizer = torch.optim.Adam([other], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        objective.distance(one, other).backward()
        optimizer.step()
    assert objective.distance(one, other).item() < 0.2 * before


@pytest.mark.parametrize("objective_type", TYPES)
def test_too_few_sentences_or_domains_give_no_loss(objective_type: str) -> None:
    batch, states = example()
    objective = objective_of(objective_type)
    social = [sentence for sentence, name in enumerate(batch.datasets) if name != "msra"]
    ((micro_batch, states_of_batch),) = micro_batches(batch, states, [social])
    loss, _ = objective(states_of_batch, micro_batch, 0.0)
    assert loss == 0
    loss.backward()
    # A single sentence of news has a mean, but no covariance.
    assert (objective(states, batch, 0.0)[0] == 0) == (objective_type == "coral")


@pytest.mark.parametrize("objective_type", TYPES)
def test_micro_batches_are_averaged_by_number_of_sentences(objective_type: str) -> None:
    torch.manual_seed(1)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2, 2, 1, 1], "msra": [4, 4, 3, 1]})
    states = {"shared": TowerStates(torch.randn(9, 5, 3), list(range(9)), batch)}
    social, news = batch.sentences_of("weibo"), batch.sentences_of("msra")
    objective = objective_of(objective_type)
    assert not objective.adds_up
    splits = [sorted(social[:3] + news[:2]), sorted(social[3:] + news[2:])]
    losses = [
        objective(states_of_batch, micro_batch, 0.0)[0]
        for micro_batch, states_of_batch in micro_batches(batch, states, splits)
    ]
    alone = [
        objective(states_of_batch, micro_batch, 0.0)[0]
        for sentences in splits
        for micro_batch, states_of_batch in micro_batches(batch, states, [sentences])
    ]
    assert_close(losses, [alone[0] * 5 / 9, alone[1] * 4 / 9])


@pytest.mark.parametrize("bandwidths", [[], [1.0, 0.0]])
def test_bandwidths_must_be_above_0(bandwidths: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="bandwidths: expected numbers above 0"):
        objective_of("mmd", bandwidths=bandwidths)


@pytest.mark.parametrize("objective_type", TYPES)
def test_one_domain_is_an_error(objective_type: str) -> None:
    with pytest.raises(ConfigurationError, match="needs two domains or more"):
        objective_of(objective_type, vocab=vocabulary("msra", "msr"))
