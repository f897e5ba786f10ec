"""Time to read a large corpus and to start commands."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import AutoTokenizer

from benchmarks.corpora import MSRA, corpus_of, data_file, provenance
from benchmarks.models import TINY, random_bert
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.timing import interleaved
from ner_adv_plugin.data.piece_alphabet import PieceAlphabet

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = "import torch"
COMMAND = "import sys; from ner_adv_plugin.commands import main; main(sys.argv[1:])"
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
STARTED, MARK = "NER_BENCHMARK_MARK", "first_step"


def run(options: Options) -> Report:
    """Time reading a whole corpus, and whole processes."""
    repeats, warm_up = (1, 0) if options.tiny else (options.repeats, 1)
    with TemporaryDirectory() as scratch, random_bert(TINY) as folder:
        tokenizer = AutoTokenizer.from_pretrained(folder)

        def read() -> None:
            corpus_of(MSRA).encoded(PieceAlphabet(tokenizer))

        reading = interleaved({"read": read}, repeats, warm_up=0)["read"]
        config = write_config(Path(scratch) / "config.json", folder)
        marks: list[float] = []
        seconds = interleaved(
            {
                "help": lambda: python("-c", COMMAND, "--help"),
                "imports": lambda: python("-c", IMPORTS),
                "first step": lambda: marks.append(first_step(config)),
            },
            repeats,
            warm_up,
        )
    first = statistics.median(marks[warm_up:])
    return Report(
        [
            Figure("reading and encoding", reading, "s", at_most=4),
            Figure("allennlp --help", seconds["help"], "s", at_most=0.4),
            Figure("import of torch", seconds["imports"], "s"),
            Figure("from command to the end of the first step", first, "s", at_most=2.5),
        ],
        [f"{provenance(MSRA)}; the first step reads all of it, and uses a tiny encoder"],
    )


def python(*arguments: str) -> None:
    """Run a Python process to its end, with the compiled modules of an installed package."""
    with environment(COMPILED):
        subprocess.run(
            [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT
        )


def first_step(config: str) -> float:
    """Return the seconds from the start of `allennlp train` to the end of its first step."""
    with TemporaryDirectory() as folder:
        mark = Path(folder) / "mark"
        arguments = ["train", config, "-s", str(Path(folder) / "run")]
        arguments += ["--include-package", f"benchmarks.{MARK}"]
        with environment({STARTED: str(mark), **COMPILED}):
            started = time.time()
            subprocess.run(
                [sys.executable, "-c", COMMAND, *arguments],
                check=True,
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
        return float(mark.read_text()) - started


def write_config(path: Path, encoder: str) -> str:
    """Write the config of a run on MSRA that ends after its first step; return its path."""
    config = {
        "dataset_reader": {"type": "msra"},
        "train_data_path": str(data_file(MSRA)),
        "model": {
            "type": "crf_tagger",
            "encoder": {"type": "pretrained_transformer", "model_name": encoder},
        },
        "data_loader": {"type": "multitask", "batch_size": 32},
        "trainer": {"type": "gradient_descent", "callbacks": [{"type": MARK}], "cuda_device": -1},
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return str(path)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the context is open."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
