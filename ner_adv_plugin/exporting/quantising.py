"""Graphs with weights of 8 bits.

Shape suffixes: V rows of an embedding, D size of a row.
"""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.exporting.tracing import quiet

# Embeddings of fewer values, such as those of token types, stay as they are.
SMALL = 4096
LARGEST = 127


def quantise(path: Path) -> None:
    """Replace the weights of a graph by integers of 8 bits.

    Rows of embeddings and columns of matrices have a scale each. Matrix products and LSTMs are
    computed in 8 bits, with scales of their inputs found at run time, one for the whole batch: an
    answer may depend on the texts beside it. Weights use 7 of the 8 bits, as processors without
    VNNI instructions add products in 16 bits, which would overflow.

    # Parameters

    path : the file, which is replaced.
    """
    onnx = require_extra("onnx", "--quantize int8")
    quantization = require_extra("onnxruntime.quantization", "--quantize int8")
    model = onnx.load(path)
    _quantise_embeddings(model.graph, onnx)
    onnx.save(model, path)

    smaller = path.with_suffix(".int8")
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        quantization.quantize_dynamic(
            str(path),
            str(smaller),
            op_types_to_quantize=["MatMul", "LSTM"],
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
    os.replace(smaller, path)


def _quantise_embeddings(graph: Any, onnx: Any) -> None:
    """Replace each embedding by its rows in 8 bits, which are scaled after they are looked up."""
    embeddings = {}
    for weight in graph.initializer:
        readers = [node for node in graph.node if weight.name in node.input]
        values = onnx.numpy_helper.to_array(weight)
        looked_up = all(n.op_type == "Gather" and n.input[0] == weight.name for n in readers)
        is_large = values.ndim == 2 and values.dtype == np.float32 and values.size >= SMALL
        if readers and looked_up and is_large:
            embeddings[weight.name] = weight, values

    for name, (weight, values) in embeddings.items():
        graph.initializer.remove(weight)
        for part, array in zip(("rows", "scales"), _by_row(values), strict=True):
            graph.initializer.append(onnx.numpy_helper.from_array(array, f"{name}_{part}"))

    nodes = []
    for node in graph.node:
        if node.op_type != "Gather" or node.input[0] not in embeddings:
            nodes.append(node)
            continue
        (name, indices), output = node.input, node.output[0]
        make = onnx.helper.make_node
        nodes += [
            make("Gather", [f"{name}_rows", indices], [f"{output}_rows"], axis=0),
            make("Gather", [f"{name}_scales", indices], [f"{output}_scales"], axis=0),
            make("Cast", [f"{output}_rows"], [f"{output}_cast"], to=onnx.TensorProto.FLOAT),
            make("Mul", [f"{output}_cast", f"{output}_scales"], [output]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _by_row(values_VD: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the rows of a matrix as integers of 8 bits, (V, D), and their scales, (V, 1)."""
    scales_V1 = np.abs(values_VD).max(1, keepdims=True) / LARGEST
    scales_V1[scales_V1 == 0] = 1.0
    return np.round(values_VD / scales_V1).astype(np.int8), scales_V1.astype(np.float32)
