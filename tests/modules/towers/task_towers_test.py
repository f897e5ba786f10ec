"""Towers that embed the task of each sequence."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers import TaskTower, run_tower
from tests.modules.examples import mixed_batch, vocabulary
from tests.modules.towers.tower_test import tower_of

VOCAB = vocabulary()
LSTM = {"type": "lstm", "hidden_size": 4, "bidirectional": True}
TOKEN = {"type": "task_token", "tower": LSTM}
EMBEDDING = {"type": "task_embedding", "tower": LSTM, "embedding_dim": 2}
TASK_INDEX = {None: 0, "weibo": 1, "msra": 2, "msr": 3}


def task_tower(config: dict[str, Any]) -> TaskTower:
    tower = tower_of(config)
    assert isinstance(tower, TaskTower)
    return tower


@pytest.mark.parametrize("config", [TOKEN, EMBEDDING], ids=lambda config: config["type"])
@pytest.mark.parametrize("head", [None, "msra"])
@torch.no_grad()
def test_inner_tower_reads_the_task(config: dict[str, Any], head: str | None) -> None:
    tower = task_tower(config)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "msr": [4], "reviews": [3]})
    states = torch.randn(4, 5, 6)
    actual = run_tower(tower, states, batch, [0, 1, 2, 3], head).states_BLD
    assert actual.shape == (4, 5, 8)
    for sequence, length in enumerate(batch.lengths):
        task = tower.embedding.weight[TASK_INDEX[head or batch.heads[sequence]]]
        real = states[sequence, :length]
        if config is TOKEN:
            inputs = torch.cat([task[None], real])
        else:
            inputs = torch.cat([real, task.expand(length, -1)], 1)
        expected = tower.tower(inputs[None], torch.ones(1, len(inputs), dtype=torch.bool))[0]
        # The state of a task token is dropped.
        assert_close(actual[sequence, :length], expected[-length:])


@pytest.mark.parametrize("config", [TOKEN, EMBEDDING], ids=lambda config: config["type"])
def test_only_embeddings_of_tasks_in_the_batch_get_a_gradient(config: dict[str, Any]) -> None:
    tower = task_tower(config)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "reviews": [3]})
    run_tower(tower, torch.randn(3, 5, 6), batch, [0, 1, 2]).states_BLD.sum().backward()
    gradient = tower.embedding.weight.grad
    assert gradient is not None and gradient.any(1).tolist() == [True, True, False, False]


def test_sizes() -> None:
    assert task_tower({"type": "task_embedding", "tower": LSTM}).embedding.weight.shape == (4, 25)
    token = task_tower({"type": "task_token", "tower": {"type": "gru", "hidden_size": 3}})
    assert token.embedding.weight.shape == (4, 6)
    assert (token.get_input_dim(), token.get_output_dim(), token.is_bidirectional()) == (
        6,
        3,
        False,
    )


@pytest.mark.parametrize("outer", ["self_attention", "task_token"])
def test_must_be_outermost(outer: str) -> None:
    with pytest.raises(
        ConfigurationError,
        match="model.tower.tower: a tower that reads tasks cannot be inside another",
    ):
        tower_of({"type": outer, "tower": EMBEDDING})
    with_attention = task_tower(
        {"type": "task_token", "tower": {"type": "self_attention", "tower": LSTM}}
    )
    assert with_attention.get_output_dim() == 8
