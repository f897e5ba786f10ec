"""One predictor in a process of its own: `python -m benchmarks.runtime_child KIND PATH ...`."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Predict = Callable[[list[str]], list[dict[str, Any]]]


def predictor(kind: str, path: str, threads: int) -> Predict:
    """Load a predictor.

    # Parameters

    kind : "torch" for an archive, "runtime" for an export.
    path : the archive or the folder of the export.
    threads : number of threads.
    """
    if kind == "runtime":
        from ner_adv_plugin.runtime import Predictor

        return Predictor(path, threads=threads).predict

    import torch

    import ner_adv_plugin.components  # noqa: F401
    from ner_adv_plugin.inference import Predictor as TorchPredictor

    torch.set_num_threads(threads)
    tagger = TorchPredictor.from_path(path)
    return lambda texts: tagger.predict_batch_json([{"sentence": text} for text in texts])


def main(kind: str, path: str, threads: str, texts_file: str, output: str, repeats: str) -> None:
    """Predict the texts of a JSON file, and write the answers and the median seconds."""
    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    predict = predictor(kind, path, int(threads))
    answers, seconds = predict(texts), []
    for _ in range(int(repeats)):
        started = time.perf_counter()
        predict(texts)
        seconds.append(time.perf_counter() - started)
    result = {"answers": answers, "seconds": sorted(seconds)[len(seconds) // 2] if seconds else 0}
    Path(output).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
