"""Recurrent towers as operations of ONNX, for sentences of different lengths.

Shape suffixes: B sentences, L characters, D input size, H units per direction, G gates, X
directions.
"""

from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders.pytorch_seq2seq_wrapper import PytorchSeq2SeqWrapper
from torch import Tensor

# For each class the name in ONNX, and the order of its gates there among those of torch.
OPERATIONS: dict[type[torch.nn.Module], tuple[str, list[int]]] = {
    torch.nn.LSTM: ("LSTM", [0, 3, 1, 2]),
    torch.nn.GRU: ("GRU", [1, 0, 2]),
    torch.nn.RNN: ("RNN", [0]),
}


class TracedRecurrence(torch.nn.Module):
    """A recurrent tower that is written as one operation of ONNX per layer.

    It can be traced, but gives zeros when it is called.

    # Parameters

    tower : the tower, whose module is an LSTM, a GRU or a simple recurrent network.
    """

    def __init__(self, tower: PytorchSeq2SeqWrapper) -> None:
        super().__init__()
        module: Any = tower._module
        self.operation, order = OPERATIONS[type(module)]
        self.attributes: dict[str, Any] = {
            "hidden_size_i": module.hidden_size,
            "direction_s": "bidirectional" if module.bidirectional else "forward",
        }
        if self.operation == "GRU":
            self.attributes["linear_before_reset_i"] = 1
        if self.operation == "RNN":
            name = {"tanh": "Tanh", "relu": "Relu"}[module.nonlinearity]
            self.attributes["activations_s"] = [name] * (1 + module.bidirectional)

        self.layers = module.num_layers
        for layer in range(self.layers):
            for name in ("weight_ih", "weight_hh", "bias"):
                values = _of_layer(module, name, layer, order)
                self.register_buffer(f"{name}_{layer}", values)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Compute the states; the parameters are those of `Seq2SeqEncoder`."""
        lengths_B = mask.sum(1, dtype=torch.int32)
        states = inputs.transpose(0, 1)
        for layer in range(self.layers):
            weights = [
                getattr(self, f"{name}_{layer}") for name in ("weight_ih", "weight_hh", "bias")
            ]
            output_LXBH: Tensor = _Recurrence.apply(
                states, *weights, lengths_B, self.operation, self.attributes
            )
            states = output_LXBH.transpose(1, 2).flatten(2)
        return states.transpose(0, 1)


def _of_layer(module: Any, name: str, layer: int, order: list[int]) -> Tensor:
    """Stack the parameters of both directions of a layer, with the gates in the order of ONNX.

    # Parameters

    module : the recurrent network.
    name : "weight_ih", "weight_hh", or "bias" for both biases, concatenated.
    layer : index of the layer.
    order : order of the gates.
    """
    directions = []
    for suffix in ("", "_reverse")[: 1 + module.bidirectional]:
        if name != "bias":
            own = [getattr(module, f"{name}_l{layer}{suffix}")]
        elif module.bias:
            own = [getattr(module, f"bias_{kind}_l{layer}{suffix}") for kind in ("ih", "hh")]
        else:
            own = [module.weight_ih_l0.new_zeros(len(order) * module.hidden_size)] * 2
        gates = [[value.chunk(len(order))[gate] for gate in order] for value in own]
        directions.append(torch.cat([gate for values in gates for gate in values]))
    return torch.stack(directions).detach()


class _Recurrence(torch.autograd.Function):
    """A layer, of which only the shape of the states is computed: (L, X, B, H)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs_LBD: Tensor,
        weights_XGD: Tensor,
        recurrent_XGH: Tensor,
        bias_XG: Tensor,
        lengths_B: Tensor,
        operation: str,
        attributes: dict[str, Any],
    ) -> Tensor:
        length, sentences, _ = inputs_LBD.shape
        directions, _, size = recurrent_XGH.shape
        return inputs_LBD.new_zeros(length, directions, sentences, size)

    @staticmethod
    def symbolic(
        g: Any,
        inputs_LBD: Any,
        weights_XGD: Any,
        recurrent_XGH: Any,
        bias_XG: Any,
        lengths_B: Any,
        operation: str,
        attributes: dict[str, Any],
    ) -> Any:
        return g.op(
            operation, inputs_LBD, weights_XGD, recurrent_XGH, bias_XG, lengths_B, **attributes
        )
