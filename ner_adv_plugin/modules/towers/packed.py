"""Recurrent towers on a GPU, with the lengths that the host knows.

AllenNLP's wrapper reads the lengths of the sequences from the mask on the device, for which the
host waits twice per tower.

Shape suffixes: B sequences, L characters, D state size.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders import PytorchSeq2SeqWrapper, Seq2SeqEncoder
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ner_adv_plugin.common.bf16 import any_cpu


def run_sequences(
    tower: Seq2SeqEncoder, states_BLD: Tensor, mask_BL: Tensor, lengths: Sequence[int] | None
) -> Tensor:
    """Run a tower; on a GPU a recurrent one with the lengths that the host knows.

    # Parameters

    tower : the tower. With a class attribute `takes_lengths`, it is called with `lengths`.
    states_BLD : input states.
    mask_BL : True at characters.
    lengths : number of characters of each sequence, longest first; None if it is not known.

    # Returns

    States, (B, L, output size).
    """
    states: Tensor
    if getattr(tower, "takes_lengths", False):
        states = tower(states_BLD, mask_BL, lengths=lengths)
    elif lengths is not None and not states_BLD.is_cpu and _is_recurrent(tower):
        states = run_packed(tower, states_BLD, lengths)
    else:
        with any_cpu():
            states = tower(states_BLD, mask_BL)
    return states


def _is_recurrent(tower: Seq2SeqEncoder) -> bool:
    """Return whether a tower is nothing but a recurrence, without hooks that run when called."""
    hooks = (tower._forward_hooks, tower._forward_pre_hooks, tower._backward_hooks)
    return isinstance(tower, PytorchSeq2SeqWrapper) and not any(hooks)


def run_packed(tower: Any, states_BLD: Tensor, lengths: Sequence[int]) -> Tensor:
    """Run a recurrent tower, without waiting for the device.

    # Parameters

    tower : a recurrent tower, which wraps a module that reads packed sequences.
    states_BLD : input states.
    lengths : number of characters of each sequence, longest first.

    # Returns

    States, (B, L, output size), 0 at padding.

    # Examples

    >>> from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder
    >>> tower = LstmSeq2SeqEncoder(2, 3, bidirectional=True)
    >>> states, mask = torch.rand(2, 3, 2), torch.tensor([[True] * 3, [True, False, False]])
    >>> torch.allclose(run_packed(tower, states, [3, 1]), tower(states, mask))
    True
    """
    assert all(one >= other for one, other in pairwise(lengths))
    count = sum(length > 0 for length in lengths)
    if not count:
        return states_BLD.new_zeros(*states_BLD.shape[:2], tower.get_output_dim())

    packed = pack_padded_sequence(
        states_BLD[:count], torch.tensor(lengths[:count]), batch_first=True
    )
    output, _ = tower._module(packed, None)
    padded, _ = pad_packed_sequence(output, batch_first=True, total_length=states_BLD.shape[1])
    return torch.nn.functional.pad(padded, (0, 0, 0, 0, 0, len(lengths) - count))
