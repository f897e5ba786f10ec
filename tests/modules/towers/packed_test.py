"""Recurrent towers with lengths from the host, against one sequence at a time."""

from typing import Any

import pytest
import torch
from allennlp_light.modules.seq2seq_encoders import (
    GruSeq2SeqEncoder,
    LstmSeq2SeqEncoder,
    StackedBidirectionalLstmSeq2SeqEncoder,
)
from torch import Tensor

from ner_adv_plugin.modules.towers.packed import run_packed, run_sequences
from tests.fake_gpu import GPU, fake_gpu

TOWERS = {
    "lstm": lambda: LstmSeq2SeqEncoder(4, 3, bidirectional=True),
    "layers": lambda: LstmSeq2SeqEncoder(4, 3, num_layers=2),
    "gru": lambda: GruSeq2SeqEncoder(4, 3, bidirectional=True),
    "stacked": lambda: StackedBidirectionalLstmSeq2SeqEncoder(4, 3, 2),
}
LENGTHS = [[5, 5, 2, 1], [3, 1, 0, 0], [4], [0, 0], []]


def one_by_one(tower: Any, states_BLD: Tensor, lengths: list[int]) -> Tensor:
    """Run the tower over each sequence alone; states are 0 at padding."""
    result = states_BLD.new_zeros(*states_BLD.shape[:2], tower.get_output_dim())
    for i, length in enumerate(lengths):
        if length:
            mask = torch.ones(1, length, dtype=torch.bool)
            result[i, :length] = tower(states_BLD[i : i + 1, :length], mask)[0]
    return result


@pytest.mark.parametrize("name", TOWERS)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_states_are_those_of_single_sequences(name: str, lengths: list[int]) -> None:
    torch.manual_seed(0)
    tower = TOWERS[name]()
    # One position more than the longest sequence has.
    states_BLD = torch.rand(len(lengths), max(lengths, default=0) + 1, 4)
    states = run_packed(tower, states_BLD, lengths)
    torch.testing.assert_close(states, one_by_one(tower, states_BLD, lengths))


@torch.no_grad()
def test_a_gpu_does_not_wait_unless_a_hook_must_run() -> None:
    tower, lengths = TOWERS["lstm"](), [5, 2]
    states_BLD = torch.rand(2, 5, 4)
    mask_BL = torch.arange(5) < torch.tensor(lengths)[:, None]
    expected = tower(states_BLD, mask_BL)
    with fake_gpu() as gpu:
        tower.to(GPU)
        moved = states_BLD.to(GPU), mask_BL.to(GPU)
        gpu.synchronisations.clear()
        states = run_sequences(tower, *moved, lengths)
        assert not gpu.synchronisations
        torch.testing.assert_close(states.cpu(), expected)

        calls: list[Any] = []
        tower.register_forward_hook(lambda *arguments: calls.append(arguments))
        torch.testing.assert_close(run_sequences(tower, *moved, lengths).cpu(), expected)
        assert len(calls) == 1
