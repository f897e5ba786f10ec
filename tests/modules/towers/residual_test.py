"""Tower beside which the input states pass unchanged."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers import Residual, run_together, run_tower
from tests.modules.examples import mixed_batch, prefix_mask, vocabulary
from tests.modules.towers.tower_test import WIDTH, tower_of

LENGTHS = [5, 3, 1]
LSTM = {"type": "lstm", "hidden_size": 4, "bidirectional": True}


def residual(trained: bool = False, **settings: Any) -> Residual:
    tower = tower_of({"type": "residual", "tower": LSTM, **settings})
    assert isinstance(tower, Residual)
    if trained:
        torch.nn.init.normal_(tower.branch.weight)
        torch.nn.init.normal_(tower.branch.bias)
    return tower


def test_starts_as_its_input() -> None:
    inputs = torch.randn(3, 5, WIDTH)
    assert torch.equal(residual()(inputs, prefix_mask(LENGTHS)), inputs)


def test_starts_as_a_projection_of_its_input() -> None:
    inputs, tower = torch.randn(3, 5, WIDTH), residual(output_size=3)
    assert tower.projection is not None and (tower.get_input_dim(), tower.get_output_dim()) == (
        6,
        3,
    )
    assert_close(tower(inputs, prefix_mask(LENGTHS)), inputs @ tower.projection.weight.T)


@pytest.mark.parametrize("size", [None, 3])
def test_adds_the_states_of_the_tower(size: int | None) -> None:
    inputs, tower, mask = (
        torch.randn(3, 5, WIDTH),
        residual(True, output_size=size),
        prefix_mask(LENGTHS),
    )
    direct = inputs if tower.projection is None else inputs @ tower.projection.weight.T
    states = tower.tower(inputs, mask)
    assert_close(tower(inputs, mask), direct + states @ tower.branch.weight.T + tower.branch.bias)


def test_the_branch_learns_first_then_the_tower() -> None:
    tower, inputs = residual(), torch.randn(3, 5, WIDTH)
    optimizer = torch.optim.Adam(tower.parameters(), 0.01)
    lstm = list(tower.tower.parameters())
    for step in range(2):
        optimizer.zero_grad()
        tower(inputs, prefix_mask(LENGTHS)).square().mean().backward()
        assert tower.branch.weight.grad is not None and tower.branch.weight.grad.any()
        assert [bool(p.grad is not None and p.grad.any()) for p in lstm] == [step > 0] * len(lstm)
        optimizer.step()


@pytest.mark.parametrize("size", [None, 3])
def test_shares_a_recurrence_with_other_lstms(size: int | None) -> None:
    batch = mixed_batch(vocabulary(), {"weibo": [5, 2], "msr": [4]})
    states = torch.randn(3, 5, WIDTH)
    towers = {"plain": tower_of(LSTM), "residual": residual(True, output_size=size)}
    sequences = {"plain": [0, 2], "residual": [1, 2]}
    found = run_together(towers, states, batch, sequences)
    assert set(found) == set(towers)
    for name, own in sequences.items():
        inputs = states[own, : max(batch.lengths[i] for i in own)]
        expected = run_tower(towers[name], inputs, batch, own)
        mask = expected.batch.mask_BL[..., None]
        assert_close(found[name].states_BLD * mask, expected.states_BLD * mask)


def test_size_out_of_range() -> None:
    with pytest.raises(ConfigurationError, match=r"output_size: expected 1 or more, or null"):
        residual(output_size=0)
