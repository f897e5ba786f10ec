"""The recurrence of several LSTMs at once, with its backward pass, for the CPU.

On a CPU, torch runs the LSTMs and their directions one after another, and its backward pass follows
a graph of every step. Here all LSTMs and directions take a step together, and the backward pass is
written by hand.

Shape suffixes: S steps; C columns (the sequences of all LSTMs forward, then backward, with the
columns of each LSTM padded to whole blocks); K blocks of W columns; M characters of an LSTM's
sequences in both directions; H units per direction; G = 4 H (input, forget, cell and output gate).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ner_adv_plugin.modules.products import linear

# Gradient of the input, from the gradient of the output and the output, written to `grad_input`.
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class Recurrence(torch.autograd.Function):
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
        """Take all steps; the parameters are those of the class."""
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
        """Return the gradients of the inputs and weights, None for an LSTM without a gradient."""
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
