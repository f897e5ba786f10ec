"""Computation of ONNX graphs with onnxruntime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.extras import require_extra


class Graph:
    """An ONNX graph with one output, on the CPU. Thread-safe.

    # Parameters

    path : the file.
    threads : number of threads that compute an operation; None for one per core.

    # Raises

    UserError : if onnxruntime is not installed, or the file is not a graph that it reads.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        onnxruntime = require_extra("onnxruntime", "prediction without torch")
        options = onnxruntime.SessionOptions()
        # Errors are raised, and so need not be logged.
        options.log_severity_level = 4
        if threads is not None:
            options.intra_op_num_threads = threads
        # Threads that wait actively take the cores from other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")

        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises its own exceptions, without a common base
            reason = str(error).replace(str(path), "it")[:300]
            raise UserError(f"{path} is not a graph that onnxruntime reads: {reason}") from error
        self.inputs = [given.name for given in self._session.get_inputs()]

    def __call__(self, **inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Compute the output.

        # Parameters

        inputs : the inputs by name.
        """
        values: Mapping[str, NDArray[Any]] = inputs
        output: NDArray[np.float32] = self._session.run(None, values)[0]
        return output
