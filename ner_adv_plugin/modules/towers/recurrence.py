"""Several bidirectional one-layer LSTMs in a single recurrence, for the CPU.

On a CPU, torch runs the LSTMs and their directions one after another, and its backward pass follows
a graph of every step. Here all LSTMs and directions take a step together, and the backward pass is
written by hand. Input projections are computed for characters only, not for padding.

Shape suffixes: B sequences of the batch, L characters of its longest sequence, D state size; R
sequences of all towers, concatenated; S steps; C columns (the R sequences forward, then backward,
with the columns of each LSTM padded to whole blocks); K blocks of W columns; N characters of the R
sequences; M = 2 N (both directions); H units per direction; G = 4 H (input, forget, cell and output
gate).
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch import Tensor
from torch.autograd.function import once_differentiable

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.products import linear
from ner_adv_plugin.modules.towers.residual import Residual
from ner_adv_plugin.modules.towers.tower import TowerStates

# Gradient of the input, from the gradient of the output and the output, written to `grad_input`.
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


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
    states = _Recurrence.apply(
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


class _Recurrence(torch.autograd.Function):
    """States of several LSTMs, (M, H) each.

    The inputs, outputs and weights of the LSTMs are separate tensors, so that an LSTM that the loss
    does not depend on gets no gradient.

    # Parameters

    steps : number of steps of the longest sequence, S.
    width : columns per block, W.
    blocks : number of blocks of each LSTM, forward directions before backward directions.
    slots : for each LSTM the positions of its inputs in the flattened (S, C) grid, (M,).
    tensors : for each LSTM the projected inputs of its gates including biases, (M, G); then the
        recurrent weights, (G, H), in the order of `blocks`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        steps: int,
        width: int,
        blocks: Sequence[int],
        slots: Sequence[Tensor],
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        inputs, weights_GH = tensors[: len(slots)], tensors[len(slots) :]
        columns, size = sum(blocks) * width, weights_GH[0].shape[1]
        # A private copy of the gate inputs, overwritten by the activations. Gates are closed at
        # padding: states that decay there would become denormal numbers, which are slow.
        gates_SCG = inputs[0].new_full((steps, columns, 4 * size), float("-inf"))
        _scatter(gates_SCG, slots, inputs)
        gates_SC4H = gates_SCG.unflatten(2, (4, size))
        changes_SCH, cells_SCH, squashed_SCH, states_SCH = gates_SCG.new_empty(
            4, steps, columns, size
        ).unbind(0)
        # One batched matrix product per step: every block with the weights of its LSTM.
        weights_KHG = torch.stack([w.t() for w in weights_GH]).repeat_interleave(
            torch.tensor(blocks), 0
        )
        # Slice all steps at once: indexing at every use would take as long as some of the products.
        states = (changes_SCH, cells_SCH, squashed_SCH, states_SCH)
        steps_of_all = (gates_SCG, gates_SC4H[:, :, :2], *gates_SC4H.unbind(2), *states)
        previous_CH, previous_cell_CH = None, None
        for gates_CG, i_and_f, i, f, g, o, change_CH, cell_CH, squashed_CH, state_CH in zip(
            *steps_of_all, strict=True
        ):
            if previous_CH is not None:
                gates_CG.view(-1, width, 4 * size).baddbmm_(
                    previous_CH.view(-1, width, size), weights_KHG
                )
            i_and_f.sigmoid_()
            # tanh of a contiguous tensor is faster, by more than the copy takes.
            change_CH.copy_(g).tanh_()
            o.sigmoid_()
            torch.mul(i, change_CH, out=cell_CH)
            if previous_cell_CH is not None:
                cell_CH.addcmul_(f, previous_cell_CH)
            torch.tanh(cell_CH, out=squashed_CH)
            torch.mul(o, squashed_CH, out=state_CH)
            previous_CH, previous_cell_CH = state_CH, cell_CH

        ctx.width, ctx.blocks, ctx.slots = width, blocks, slots
        ctx.save_for_backward(
            gates_SC4H, changes_SCH, cells_SCH, squashed_SCH, states_SCH, *weights_GH
        )
        ctx.set_materialize_grads(False)
        return _gather(states_SCH, slots)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gates_SC4H, changes_SCH, cells_SCH, squashed_SCH, states_SCH, *weights_GH = (
            ctx.saved_tensors
        )
        gradient_SCH = torch.zeros_like(states_SCH)
        _scatter(gradient_SCH, ctx.slots, gradients)
        weights_KGH = torch.stack(weights_GH).repeat_interleave(torch.tensor(ctx.blocks), 0)
        result_SCG = _gate_gradients(
            gates_SC4H, changes_SCH, cells_SCH, squashed_SCH, gradient_SCH, weights_KGH, ctx.width
        )

        columns_of_lstms = [ctx.width * count for count in ctx.blocks]
        states = states_SCH[:-1].split(columns_of_lstms, 1)
        next_gates = result_SCG[1:].split(columns_of_lstms, 1)
        weights = [
            linear(gates.flatten(0, 1).t(), state.flatten(0, 1).t())
            for gates, state in zip(next_gates, states, strict=True)
        ]
        # The inputs of the LSTMs, their forward and their backward weights each follow their order.
        results = zip([*_gather(result_SCG, ctx.slots), *weights], 3 * gradients, strict=True)
        return (
            None,
            None,
            None,
            None,
            *(result if reached is not None else None for result, reached in results),
        )


def _gate_gradients(
    gates_SC4H: Tensor,
    changes_SCH: Tensor,
    cells_SCH: Tensor,
    squashed_SCH: Tensor,
    gradient_SCH: Tensor,
    weights_KGH: Tensor,
    width: int,
) -> Tensor:
    """Return the gradient of the gates' inputs, (S, C, G), from the last step to the first.

    # Parameters

    gates_SC4H, changes_SCH, cells_SCH, squashed_SCH : what the forward pass kept: gates, changes of
        the cells, cells, and tanh of the cells.
    gradient_SCH : of the states; what later steps add to it is added in place.
    weights_KGH : recurrent weights of each block.
    width : columns per block.
    """
    steps, columns, size = gradient_SCH.shape
    result_SCG = gradient_SCH.new_empty(steps, columns, 4 * size)
    # Gradients carried from step to step: of the cell, and of the previous step's state.
    cell_CH, carried_CH = gradient_SCH.new_zeros(2, columns, size).unbind(0)
    work_CH = torch.empty_like(cell_CH)
    # The cell before the first step is 0.
    previous_cells_SCH = (cell_CH.clone(), *cells_SCH[:-1])

    tensors = (gates_SC4H, changes_SCH, result_SCG, gradient_SCH, squashed_SCH, previous_cells_SCH)
    for gates_C4H, change_CH, result_CG, state_CH, squashed_CH, previous_cell_CH in reversed(
        list(zip(*tensors, strict=True))
    ):
        i, f, _, o = gates_C4H.unbind(1)
        result_C4H = result_CG.unflatten(1, (4, size))
        grad_i, grad_f, grad_g, grad_o = result_C4H.unbind(1)

        state_CH += carried_CH
        torch.mul(state_CH, o, out=work_CH)
        cell_CH += _tanh_backward(work_CH, squashed_CH, grad_input=work_CH)
        torch.mul(cell_CH, change_CH, out=grad_i)
        torch.mul(cell_CH, previous_cell_CH, out=grad_f)
        torch.mul(cell_CH, i, out=grad_g)
        torch.mul(state_CH, squashed_CH, out=grad_o)
        _sigmoid_backward(result_C4H[:, :2], gates_C4H[:, :2], grad_input=result_C4H[:, :2])
        _tanh_backward(grad_g, change_CH, grad_input=grad_g)
        _sigmoid_backward(grad_o, o, grad_input=grad_o)

        cell_CH *= f
        torch.bmm(
            result_CG.view(-1, width, 4 * size), weights_KGH, out=carried_CH.view(-1, width, size)
        )
    return result_SCG


def _scatter(grid: Tensor, slots: Sequence[Tensor], vectors: Sequence[Tensor | None]) -> None:
    """Write the vectors (M, X) of each LSTM to their steps and columns of a grid (S, C, X)."""
    for vectors_MX, slot_M in zip(vectors, slots, strict=True):
        if vectors_MX is not None:
            grid.flatten(0, 1).index_copy_(0, slot_M, vectors_MX)


def _gather(grid: Tensor, slots: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Read the vectors that `_scatter` writes."""
    return tuple(grid.flatten(0, 1).index_select(0, slot_M) for slot_M in slots)
