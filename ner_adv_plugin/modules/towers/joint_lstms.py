"""Running the bidirectional one-layer LSTMs of several towers in a single recurrence.

Input projections are computed for characters only, not for padding.

Shape suffixes: B sequences of the batch, L characters of its longest sequence, D state size; R
sequences of all towers, concatenated; N characters of the R sequences; M = 2 N (both directions); H
units per direction; G = 4 H (input, forget, cell and output gate).
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.products import linear
from ner_adv_plugin.modules.towers.recurrence import Recurrence
from ner_adv_plugin.modules.towers.residual import Residual
from ner_adv_plugin.modules.towers.tower import TowerStates


def run_together(
    towers: Mapping[str, Seq2SeqEncoder],
    states_BLD: Tensor,
    batch: Batch,
    sequences: Mapping[str, list[int]],
) -> dict[str, TowerStates]:
    """Run the towers that can share a recurrence, in the precision of their weights.

    These are bidirectional LSTMs of one layer with biases, also within "residual", on the CPU, in
    float32 or float64, with gradients enabled. All other towers are left to `run_tower`: without
    gradients torch's LSTM is as fast, and on a GPU cuDNN computes a whole LSTM in a few kernels,
    while a recurrence of single steps would be bound by kernel launches. Autocast has no effect on
    the LSTMs.

    # Parameters

    towers : towers by name; all read the same states.
    states_BLD : input states of the whole batch.
    batch : the whole batch.
    sequences : for each tower the indices of its sequences, ascending.

    # Returns

    States by name of the tower, for the towers that share a recurrence.
    """
    if not torch.is_grad_enabled():
        return {}

    groups: dict[tuple[int, torch.dtype], dict[str, torch.nn.LSTM]] = {}
    for name, tower in towers.items():
        lstm = _plain_lstm(tower)
        if lstm is not None:
            groups.setdefault((lstm.hidden_size, lstm.all_weights[0][0].dtype), {})[name] = lstm

    result = {}
    for (_, dtype), lstms in groups.items():
        # Full precision is faster here than torch's LSTM in bfloat16.
        with torch.autocast(states_BLD.device.type, enabled=False):
            states = run_lstms(
                [*lstms.values()],
                states_BLD.to(dtype),
                batch.lengths,
                [sequences[name] for name in lstms],
            )
        for name, tower_states in zip(lstms, states, strict=True):
            result[name] = TowerStates(tower_states, sequences[name], batch.select(sequences[name]))

    inputs = TowerStates(states_BLD, list(range(len(batch))), batch)
    for name, found in result.items():
        tower = towers[name]
        if isinstance(tower, Residual):
            found.states_BLD = tower.add(inputs.select(found.sequences), found.states_BLD)
    return result


def _plain_lstm(tower: Seq2SeqEncoder) -> torch.nn.LSTM | None:
    """Return the LSTM of a tower that is nothing but a supported LSTM, otherwise None.

    A residual connection around it is left to the caller.
    """
    if type(tower) is Residual and not _has_hooks(tower):
        return _plain_lstm(tower.tower)
    if type(tower) is not LstmSeq2SeqEncoder or type(tower._module) is not torch.nn.LSTM:
        return None

    lstm = tower._module
    weight = lstm.all_weights[0][0]
    is_plain = (lstm.num_layers, lstm.bidirectional, lstm.bias, lstm.proj_size) == (
        1,
        True,
        True,
        0,
    )
    is_supported = weight.is_cpu and weight.dtype in (torch.float32, torch.float64)
    return lstm if is_plain and is_supported and not _has_hooks(tower, lstm) else None


def _has_hooks(*modules: torch.nn.Module) -> bool:
    """Whether a module has hooks, which run only if the module is called."""
    return any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in modules)


def run_lstms(
    lstms: Sequence[torch.nn.LSTM],
    states_BLD: Tensor,
    lengths: Sequence[int],
    sequences: Sequence[Sequence[int]],
) -> list[Tensor]:
    """Run bidirectional one-layer LSTMs, each over some of the sequences.

    # Parameters

    lstms : LSTMs with biases, without projections, all of the same hidden size H.
    states_BLD : input states.
    lengths : number of characters of each of the B sequences.
    sequences : indices of the sequences of each LSTM.

    # Returns

    States of each LSTM, (its sequences, length of the longest of them, 2 H), 0 at padding.
    """
    length = states_BLD.shape[1]
    size = lstms[0].hidden_size
    sequence_R = torch.tensor(
        [index for indices in sequences for index in indices], dtype=torch.long
    )
    length_R = torch.tensor(lengths, dtype=torch.long)[sequence_R]
    index_N, step_N = (torch.arange(length) < length_R[:, None]).nonzero(as_tuple=True)
    inputs_ND = states_BLD.flatten(0, 1).index_select(0, sequence_R[index_N] * length + step_N)
    characters = [sum(lengths[index] for index in indices) for indices in sequences]
    projected = [
        _project(lstm, inputs)
        for lstm, inputs in zip(lstms, inputs_ND.split(characters), strict=True)
    ]

    counts = [len(indices) for indices in sequences]
    width, blocks, column_R = _columns_of(counts)
    columns = sum(blocks) * width
    # The backward direction starts at the last character, so that padding comes last in both.
    slot_N2 = torch.stack([step_N, length_R[index_N] - 1 - step_N], 1) * 2 * columns
    slot_N2 += torch.stack([column_R[index_N], column_R[index_N] + columns], 1)
    slots = [slot.flatten() for slot in slot_N2.split(characters)]
    weights = [lstm.all_weights[direction][1] for direction in range(2) for lstm in lstms]
    states = Recurrence.apply(
        max(length_R.tolist(), default=0), width, 2 * blocks, slots, *projected, *weights
    )

    result = []
    for states_MH, length_B in zip(states, length_R.split(counts), strict=True):
        shape = len(length_B), max(length_B.tolist(), default=0)
        real_N = (torch.arange(shape[1]) < length_B[:, None]).flatten().nonzero()[:, 0]
        padded = states_MH.new_zeros(shape[0] * shape[1], 2 * size)
        result.append(
            padded.index_copy(0, real_N, states_MH.view(-1, 2 * size)).view(*shape, 2 * size)
        )
    return result


def _project(lstm: torch.nn.LSTM, inputs_ND: Tensor) -> Tensor:
    """Project the inputs to the gates, (M, G): per character forward, then backward."""
    weight = torch.cat([weight for weight, *_ in lstm.all_weights])
    bias = torch.cat([first + second for _, _, first, second in lstm.all_weights])
    return linear(inputs_ND, weight, bias).view(-1, 4 * lstm.hidden_size)


def _columns_of(counts: Sequence[int]) -> tuple[int, list[int], Tensor]:
    """Assign the sequences of each LSTM to columns of one direction, in blocks of equal width.

    The width is a compromise between few padding columns and few blocks: reading the weights for
    one more block takes as long as several columns.

    # Parameters

    counts : number of sequences of each LSTM.

    # Returns

    Columns per block, blocks of each LSTM, and the column of each sequence, (R,).
    """
    widths = range(1, max([1, *counts]) + 1)
    width = min(widths, key=lambda width: sum(-(-count // width) for count in counts) * (width + 6))
    blocks = [-(-count // width) for count in counts]
    starts = [0, *accumulate(blocks[:-1])]
    column_R = torch.cat(
        [start * width + torch.arange(n) for start, n in zip(starts, counts, strict=True)]
    )
    return width, blocks, column_R
