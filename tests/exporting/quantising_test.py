"""Embeddings in 8 bits."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ner_adv_plugin.exporting.quantising import quantise

WEIGHTS = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
WEIGHTS *= np.geomspace(1e-3, 1e3, 300, dtype=np.float32)[:, None]
WEIGHTS[7] = 0.0


def write(path: Path, shared: bool) -> None:
    """Write a graph that looks up an embedding twice and, if `shared`, reads it otherwise too."""
    nodes = [
        helper.make_node("Gather", ["embedding", "one"], ["first"]),
        helper.make_node("Gather", ["embedding", "two"], ["second"]),
        helper.make_node("Add", ["first", "second"], ["sum"]),
    ]
    if shared:
        nodes += [
            helper.make_node("ReduceMean", ["embedding"], ["mean"], keepdims=0),
            helper.make_node("Add", ["sum", "mean"], ["output"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["sum"], ["output"]))
    graph = helper.make_graph(
        nodes,
        "lookup",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n"]) for name in ("one", "two")],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 20])],
        [numpy_helper.from_array(WEIGHTS, "embedding")],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), path)


@pytest.mark.parametrize("shared", [False, True])
def test_each_row_has_its_scale(tmp_path: Path, shared: bool) -> None:
    path = tmp_path / "graph.onnx"
    write(path, shared)
    before = path.stat().st_size
    quantise(path)
    if not shared:
        assert path.stat().st_size < 0.35 * before

    one, two = np.arange(300), np.zeros(300, dtype=np.int64)
    found = onnxruntime.InferenceSession(str(path)).run(None, {"one": one, "two": two})[0]
    expected = WEIGHTS[one] + WEIGHTS[two] + (WEIGHTS.mean() if shared else 0.0)
    steps = np.abs(WEIGHTS).max(1) / 127 + np.abs(WEIGHTS[0]).max() / 127
    assert (np.abs(found - expected).max(1) <= 0.51 * steps + 1e-4 * np.abs(expected).max(1)).all()
    assert [*tmp_path.iterdir()] == [path]
