"""Bidirectional LSTMs of one layer over the same states: all towers and directions in one recurrence.

On a CPU torch runs one LSTM and one direction after the other, and its backward follows a graph of every step. Here all
of them take a step at once, and the backward pass is written out. Input projections see real characters only.

Shape suffixes: B sequences of the batch, L characters of its longest sequence, D state size; R sequences of all towers one after the
other, S steps, C columns (the R sequences forward, then backward, each LSTM's filled up to whole blocks), K blocks of W
columns, N real characters of the R sequences, M = 2 N (N times both directions), H units a direction, G = 4 H (input,
forget, cell and output gate).
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch import Tensor
from torch.autograd.function import once_differentiable

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.towers.tower import TowerStates

# By what goes in, of the gradient of what comes out and of that itself; written where they are told.
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


def run_together(
    towers: Mapping[str, Seq2SeqEncoder],
    states_BLD: Tensor,
    batch: Batch,
    sequences: Mapping[str, list[int]],
) -> dict[str, TowerStates]:
    """Run those of the towers that can share a recurrence, in their own precision, also under autocast.

    These are bidirectional LSTMs of one layer, with biases, on the CPU, in float32 or float64, while gradients are
    recorded. The rest is left out, for `run_tower`: without gradients torch's own is as fast, and on a GPU cuDNN has a
    whole LSTM in a few kernels, where a step at a time would wait for the launch of each of its own.

    # Parameters

    towers : by name; all read the same states.
    states_BLD : what they read, of the whole batch.
    batch : the whole batch.
    sequences : for every tower the indices of its sequences, rising.
    """
    if not torch.is_grad_enabled():
        return {}
    groups: dict[tuple[int, torch.dtype], dict[str, torch.nn.LSTM]] = {}
    for name, tower in towers.items():
        lstm = _plain_lstm(tower)
        if lstm is not None:
            groups.setdefault((lstm.hidden_size, lstm.all_weights[0][0].dtype), {})[name] = lstm
    found = {}
    for (_, dtype), lstms in groups.items():
        own = [sequences[name] for name in lstms]
        # Faster than torch's LSTM in bfloat16, and more exact.
        with torch.autocast(states_BLD.device.type, enabled=False):
            states = run_lstms([*lstms.values()], states_BLD.to(dtype), batch.lengths, own)
        for name, of_tower in zip(lstms, states, strict=True):
            found[name] = TowerStates(of_tower, sequences[name], batch.select(sequences[name]))
    return found


def _plain_lstm(tower: Seq2SeqEncoder) -> torch.nn.LSTM | None:
    """The LSTM that is all there is to a tower, None where there is more to it, or it is better run by torch."""
    if type(tower) is not LstmSeq2SeqEncoder or type(tower._module) is not torch.nn.LSTM:
        return None
    lstm = tower._module
    plain = (lstm.num_layers, lstm.bidirectional, lstm.bias, lstm.proj_size) == (1, True, True, 0)
    weight = lstm.all_weights[0][0]
    exact = weight.is_cpu and weight.dtype in (torch.float32, torch.float64)
    # Whoever listens to a module wants it called.
    heard = any(
        m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in (tower, lstm)
    )
    return lstm if plain and exact and not heard else None


def run_lstms(
    lstms: Sequence[torch.nn.LSTM],
    states_BLD: Tensor,
    lengths: Sequence[int],
    sequences: Sequence[Sequence[int]],
) -> list[Tensor]:
    """States of bidirectional LSTMs of one layer, each over some of the sequences: (its sequences, the longest of them, 2 H),
    zeros beyond a sequence's end.

    # Parameters

    lstms : with biases, of one hidden size, without projections.
    states_BLD : what they read.
    lengths : characters of each of the B sequences.
    sequences : indices of the sequences of each LSTM.
    """
    length, size = states_BLD.shape[1], lstms[0].hidden_size
    sequence_R = torch.tensor([sequence for own in sequences for sequence in own], dtype=torch.long)
    length_R = torch.tensor(lengths, dtype=torch.long)[sequence_R]
    place_N, step_N = (torch.arange(length) < length_R[:, None]).nonzero(as_tuple=True)
    read_ND = states_BLD.flatten(0, 1).index_select(0, sequence_R[place_N] * length + step_N)
    characters = [sum(lengths[sequence] for sequence in own) for own in sequences]
    projected = [
        _project(lstm, read) for lstm, read in zip(lstms, read_ND.split(characters), strict=True)
    ]
    counts = [len(own) for own in sequences]
    width, blocks, column_R = _columns_of(counts)
    columns = sum(blocks) * width
    # Backward the last character comes first: in both directions whatever stands beyond a sequence's end comes last.
    slot_N2 = torch.stack([step_N, length_R[place_N] - 1 - step_N], 1) * 2 * columns
    slot_N2 += torch.stack([column_R[place_N], column_R[place_N] + columns], 1)
    slots = [part.flatten() for part in slot_N2.split(characters)]
    weights = [lstm.all_weights[direction][1] for direction in range(2) for lstm in lstms]
    found = []
    states = _Recurrence.apply(
        max(length_R.tolist(), default=0), width, 2 * blocks, slots, *projected, *weights
    )
    for states_MH, length_B in zip(states, length_R.split(counts), strict=True):
        shape = len(length_B), max(length_B.tolist(), default=0)
        real_N = (torch.arange(shape[1]) < length_B[:, None]).flatten().nonzero()[:, 0]
        padded = states_MH.new_zeros(shape[0] * shape[1], 2 * size)
        found.append(
            padded.index_copy(0, real_N, states_MH.view(-1, 2 * size)).view(*shape, 2 * size)
        )
    return found


def _project(lstm: torch.nn.LSTM, read_ND: Tensor) -> Tensor:
    """What both directions' gates take from the input, (M, G): each character forward, then backward."""
    weight = torch.cat([weight for weight, *_ in lstm.all_weights])
    bias = torch.cat([first + second for _, _, first, second in lstm.all_weights])
    return torch.addmm(bias, read_ND, weight.t()).view(-1, 4 * lstm.hidden_size)


def _columns_of(counts: Sequence[int]) -> tuple[int, list[int], Tensor]:
    """Columns for the sequences of each LSTM in one direction, in blocks of one width.

    As few as can be are filled up for as few blocks as can be: reading the weights for one more block takes as long as
    several columns do.

    # Returns

    Columns of a block, blocks of each LSTM, and the column of each sequence, (R,).
    """
    widths = range(1, max([1, *counts]) + 1)
    width = min(widths, key=lambda width: sum(-(-count // width) for count in counts) * (width + 6))
    blocks = [-(-count // width) for count in counts]
    starts = [0, *accumulate(blocks[:-1])]
    return (
        width,
        blocks,
        torch.cat([s * width + torch.arange(n) for s, n in zip(starts, counts, strict=True)]),
    )


class _Recurrence(torch.autograd.Function):
    """States of LSTMs side by side, (M, H) each.

    Each has inputs, outputs and weights of its own, so that a loss which does not reach an LSTM gives it no gradient.

    # Parameters

    steps : of the longest sequence.
    width : columns of a block.
    blocks : of each LSTM, all forward ones before all backward ones.
    slots : of each LSTM, where its inputs stand among the S x C pairs of a step and a column, (M,).
    tensors : of each LSTM what its gates take from the input, (M, G), biases included; then the recurrent weights,
        (G, H), in the order of `blocks`.
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
        # A copy of its own, in which the gates' activations take the place of what they are made of. They are shut
        # beyond a sequence's end, where states that fade away would become denormal numbers, which are slow.
        gates_SCG = inputs[0].new_full((steps, columns, 4 * size), float("-inf"))
        _put(gates_SCG, slots, inputs)
        gates_SC4H = gates_SCG.unflatten(2, (4, size))
        changes_SCH, cells_SCH, squashed_SCH, states_SCH = gates_SCG.new_empty(
            4, steps, columns, size
        ).unbind(0)
        # One product of matrices a step: of every block and its LSTM's weights.
        weights_KHG = torch.stack([w.t() for w in weights_GH]).repeat_interleave(
            torch.tensor(blocks), 0
        )
        # Cut into steps at once: an index a use would take as long as some of the products.
        states = (changes_SCH, cells_SCH, squashed_SCH, states_SCH)
        each = (gates_SCG, gates_SC4H[:, :, :2], *gates_SC4H.unbind(2), *states)
        before_CH, cell_before_CH = None, None
        for gates_CG, i_and_f, i, f, g, o, change_CH, cell_CH, squashed_CH, state_CH in zip(
            *each, strict=True
        ):
            if before_CH is not None:
                gates_CG.view(-1, width, 4 * size).baddbmm_(
                    before_CH.view(-1, width, size), weights_KHG
                )
            i_and_f.sigmoid_()
            # Where it is contiguous it is faster, by more than the copy takes.
            change_CH.copy_(g).tanh_()
            o.sigmoid_()
            torch.mul(i, change_CH, out=cell_CH)
            if cell_before_CH is not None:
                cell_CH.addcmul_(f, cell_before_CH)
            torch.tanh(cell_CH, out=squashed_CH)
            torch.mul(o, squashed_CH, out=state_CH)
            before_CH, cell_before_CH = state_CH, cell_CH
        ctx.width, ctx.blocks, ctx.slots = width, blocks, slots
        ctx.save_for_backward(
            gates_SC4H, changes_SCH, cells_SCH, squashed_SCH, states_SCH, *weights_GH
        )
        ctx.set_materialize_grads(False)
        return _take(states_SCH, slots)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gates_SC4H, changes_SCH, cells_SCH, squashed_SCH, states_SCH, *weights_GH = (
            ctx.saved_tensors
        )
        steps, columns, _, size = gates_SC4H.shape
        width = ctx.width
        gradient_SCH = torch.zeros_like(states_SCH)
        _put(gradient_SCH, ctx.slots, gradients)
        result_SCG = gradient_SCH.new_empty(steps, columns, 4 * size)
        # By the cell, and by the state of the step before.
        cell_CH, carried_CH = gradient_SCH.new_zeros(2, columns, size).unbind(0)
        work_CH = torch.empty_like(cell_CH)
        weights_KGH = torch.stack(weights_GH).repeat_interleave(torch.tensor(ctx.blocks), 0)
        # The cell before the first step is 0.
        before_SCH = (cell_CH.clone(), *cells_SCH[:-1])
        each = list(
            zip(
                gates_SC4H,
                changes_SCH,
                result_SCG,
                gradient_SCH,
                squashed_SCH,
                before_SCH,
                strict=True,
            )
        )
        for gates_C4H, change_CH, result_CG, state_CH, squashed_CH, before_CH in reversed(each):
            i, f, _, o = gates_C4H.unbind(1)
            result_C4H = result_CG.unflatten(1, (4, size))
            by_i, by_f, by_g, by_o = result_C4H.unbind(1)
            state_CH += carried_CH
            torch.mul(state_CH, o, out=work_CH)
            cell_CH += _tanh_backward(work_CH, squashed_CH, grad_input=work_CH)
            torch.mul(cell_CH, change_CH, out=by_i)
            torch.mul(cell_CH, before_CH, out=by_f)
            torch.mul(cell_CH, i, out=by_g)
            torch.mul(state_CH, squashed_CH, out=by_o)
            _sigmoid_backward(result_C4H[:, :2], gates_C4H[:, :2], grad_input=result_C4H[:, :2])
            _tanh_backward(by_g, change_CH, grad_input=by_g)
            _sigmoid_backward(by_o, o, grad_input=by_o)
            cell_CH *= f
            torch.bmm(
                result_CG.view(-1, width, 4 * size),
                weights_KGH,
                out=carried_CH.view(-1, width, size),
            )
        parts = [width * count for count in ctx.blocks]
        before, after = states_SCH[:-1].split(parts, 1), result_SCG[1:].split(parts, 1)
        weights = [
            a.flatten(0, 1).t() @ b.flatten(0, 1) for a, b in zip(after, before, strict=True)
        ]
        found = zip([*_take(result_SCG, ctx.slots), *weights], 3 * gradients, strict=True)
        return (
            None,
            None,
            None,
            None,
            *(own if reached is not None else None for own, reached in found),
        )


def _put(grid: Tensor, slots: Sequence[Tensor], lines: Sequence[Tensor | None]) -> None:
    """Write lines at their steps and columns, (S, C, size of a line)."""
    for own, slot_M in zip(lines, slots, strict=True):
        if own is not None:
            grid.flatten(0, 1).index_copy_(0, slot_M, own)


def _take(grid: Tensor, slots: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Lines from where `_put` writes them."""
    return tuple(grid.flatten(0, 1).index_select(0, slot_M) for slot_M in slots)
