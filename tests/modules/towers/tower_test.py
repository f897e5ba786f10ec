"""Towers over some sequences of a batch."""

from typing import Any

import pytest
import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch.testing import assert_close

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers import (
    LazyTower,
    TowerStates,
    build_tower,
    default_tower,
    run_tower,
)
from tests.modules.examples import mixed_batch, vocabulary

WIDTH = 6
TOWERS: list[dict[str, Any]] = [
    {"type": "lstm", "hidden_size": 4, "bidirectional": True, "num_layers": 2},
    {"type": "gru", "hidden_size": 4, "bidirectional": True},
    {"type": "rnn", "hidden_size": 4},
    {"type": "gated-cnn-encoder", "layers": [[[3, 6]], [[2, 6]]]},
    {"type": "alternating_lstm", "hidden_size": 4, "num_layers": 2},
    {"type": "stacked_bidirectional_lstm", "hidden_size": 4, "num_layers": 2},
    {
        "type": "pytorch_transformer",
        "num_layers": 1,
        "feedforward_hidden_dim": 8,
        "num_attention_heads": 2,
    },
    {"type": "self_attention", "tower": {"type": "gru", "hidden_size": 4}, "num_heads": 2},
    {
        "type": "self_attention",
        "tower": {"type": "gru", "hidden_size": 4},
        "num_heads": 2,
        "residual": True,
        "layer_norm": True,
        "activation": "relu",
    },
    {"type": "residual", "tower": {"type": "gru", "hidden_size": 4}},
    {"type": "residual", "tower": {"type": "lstm", "hidden_size": 4}, "output_size": 3},
    {"type": "task_token", "tower": {"type": "lstm", "hidden_size": 4, "bidirectional": True}},
    {"type": "task_embedding", "tower": {"type": "lstm", "hidden_size": 4}, "embedding_dim": 2},
    {"type": "pass_through"},
    {
        "type": "feedforward",
        "feedforward": {
            "input_dim": WIDTH,
            "num_layers": 1,
            "hidden_dims": 4,
            "activations": "relu",
        },
    },
]


def tower_of(config: dict[str, Any], width: int = WIDTH) -> Seq2SeqEncoder:
    torch.manual_seed(0)
    return build_tower(
        bind(LazyTower, config, "model.tower").build({}), width, vocabulary().heads
    ).eval()


@pytest.mark.filterwarnings("ignore")  # of torch, on how allennlp-light builds its towers
@pytest.mark.parametrize("config", TOWERS, ids=lambda config: config["type"])
def test_states_of_a_sequence_do_not_depend_on_padding_or_other_sequences(
    config: dict[str, Any],
) -> None:
    tower = tower_of(config)
    batch = mixed_batch(vocabulary(), {"weibo": [7, 3], "msr": [5, 1]})
    states = torch.randn(4, 7, WIDTH)
    changed = torch.where(batch.mask_BL[..., None], states, torch.tensor(1e3))
    with torch.no_grad():
        first, second = (
            run_tower(tower, x, batch, [0, 1, 2, 3]).states_BLD for x in (states, changed)
        )
        some = run_tower(tower, states[[1, 3], : batch.lengths[1]], batch, [1, 3])
        for sequence, length in enumerate(batch.lengths):
            alone = run_tower(
                tower, states[sequence : sequence + 1, :length], batch, [sequence]
            ).states_BLD[0]
            assert_close(first[sequence, :length], alone)
            assert_close(second[sequence, :length], alone)
        assert some.states_BLD.shape[:2] == (2, batch.lengths[1])
        for index, sequence in enumerate([1, 3]):
            length = batch.lengths[sequence]
            assert_close(some.states_BLD[index, :length], first[sequence, :length])


def test_default_tower_is_a_bidirectional_lstm() -> None:
    tower = build_tower(default_tower(), WIDTH)
    assert isinstance(tower, LstmSeq2SeqEncoder)
    assert (tower.get_input_dim(), tower.get_output_dim()) == (WIDTH, 256)


def test_tower_of_another_input_size_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError,
        match="model.tower: the tower expects states of size 6, but reads states of size 8",
    ):
        tower_of(TOWERS[-1], 8)


@pytest.mark.parametrize("inner", [False, True])
def test_stateful_tower_is_an_error(inner: bool) -> None:
    config: dict[str, Any] = {"type": "gru", "hidden_size": 4, "stateful": True}
    path = "model.tower.tower.stateful" if inner else "model.tower.stateful"
    with pytest.raises(ConfigurationError, match=f"^{path}: stateful towers are not supported"):
        tower_of({"type": "self_attention", "tower": config, "num_heads": 2} if inner else config)


def test_run_tower_selects_the_sequences_of_the_batch() -> None:
    batch = mixed_batch(vocabulary(), {"weibo": [4, 2], "msra": [3]})
    states = torch.randn(3, 4, WIDTH)
    result = run_tower(tower_of({"type": "pass_through"}), states[1:, :3], batch, [1, 2])
    assert result.sequences == [1, 2]
    assert result.batch.lengths == [3, 2] and result.batch.heads == ["msra", "weibo"]
    assert torch.equal(result.states_BLD, states[1:, :3] * result.batch.mask_BL[..., None])


@pytest.mark.parametrize(
    ("sequences", "length"),
    [([1, 2, 4, 5], 6), ([1, 4], 6), ([2, 5], 5), ([5], 1), ([5, 2], 5), ([], 0)],
)
def test_select_returns_sequences_in_order_padded_to_the_longest(
    sequences: list[int], length: int
) -> None:
    batch = mixed_batch(vocabulary(), {"weibo": [8, 6, 5, 4, 3, 1]})
    tower_sequences = [1, 2, 4, 5]
    states = torch.randn(4, 6, 2)
    selected = TowerStates(states, tower_sequences, batch.select(tower_sequences)).select(sequences)
    assert selected.shape == (len(sequences), length, 2)
    for index, sequence in enumerate(sequences):
        assert torch.equal(selected[index], states[tower_sequences.index(sequence), :length])


def test_select_fails_for_sequences_that_the_tower_did_not_run_over() -> None:
    batch = mixed_batch(vocabulary(), {"weibo": [3, 2]})
    with pytest.raises(KeyError):
        TowerStates(torch.zeros(1, 2, 1), [1], batch.select([1])).select([0])
