"""Up to a million sentences, from the files to the first step, each size in its own process."""

import gc
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.memory import peak
from benchmarks.models import TINY, random_bert
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.synthetic import write_corpus

SIZES, TINY_SIZES = (10_000, 100_000, 1_000_000), (100, 1000)
# Other sizes, parted by commas.
VARIABLE = "NER_SCALE"
PARTS = ("start", "read", "encode", "plan", "step")
# In seconds and GiB, for a million sentences; `AGAIN` is of a process that finds them in the cache.
TOTAL, AGAIN, PEAK = 60.0, 5.0, 2.0
# Of n log n between 10^5 and 10^6 it is 1.08; the rest is for noise.
EXPONENT = 1.25


@dataclass(frozen=True)
class Measured:
    """What a process took for a corpus, and a second one for the same.

    # Parameters

    sentences : number of training sentences.
    seconds : seconds of each part: the start with imports, reading with all checks, building model
        and arrays, planning an epoch, and the first step.
    processor : seconds of processor time of the whole, in all threads.
    planning : seconds of processor time of planning.
    peak : peak memory in GiB.
    again : seconds of the same in a second process, which finds the corpus in the cache.
    processor_again : seconds of processor time of that process.
    """

    sentences: int
    seconds: dict[str, float]
    processor: float
    planning: float
    peak: float
    again: float
    processor_again: float

    @property
    def total(self) -> float:
        """Seconds from the start of the process to the end of the first step."""
        return sum(self.seconds.values())


def run(options: Options) -> Report:
    """Measure every size; only a million sentences have limits."""
    sizes: tuple[int, ...] = TINY_SIZES if options.tiny else SIZES
    if VARIABLE in os.environ:
        sizes = tuple(int(size) for size in os.environ[VARIABLE].split(","))

    figures: list[Figure] = []
    measured: list[Measured] = []
    with random_bert(TINY) as encoder:
        for sentences in sizes:
            with TemporaryDirectory(prefix="benchmark-") as name:
                own = measure(Path(name), sentences, encoder)
            measured.append(own)
            figures += _figures(own)
    if len(measured) > 1:
        figures.append(
            Figure(
                f"exponent of planning, {sizes[-2]:,} to {sizes[-1]:,}",
                exponent(*measured[-2:]),
                at_most=None if options.tiny else EXPONENT,
            )
        )
    return Report(figures, ["synthetic sentences; crf_tagger with a tiny encoder, batches of 32"])


def measure(folder: Path, sentences: int, encoder: str) -> Measured:
    """Write a corpus and a config to a folder, and measure two processes.

    # Parameters

    folder : an empty folder.
    sentences : number of training sentences; a hundredth of them in addition for validation.
    encoder : folder of the encoder.
    """
    train, validation = folder / "train.bio", folder / "dev.bio"
    write_corpus(train, sentences, held_out=validation)
    config = {
        "dataset_reader": {"type": "conll", "head": "ner"},
        "train_data_path": str(train),
        "validation_data_path": str(validation),
        "model": {
            "type": "crf_tagger",
            "encoder": {"type": "pretrained_transformer", "model_name": encoder},
        },
        "data_loader": {
            "type": "multitask",
            "batch_size": 32,
            "cache_directory": str(folder / "cache"),
        },
        "trainer": {"type": "gradient_descent", "num_epochs": 2, "cuda_device": -1},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")

    seconds, first = _in_process(path, folder / "first")
    seconds_again, second = _in_process(path, folder / "second")
    return Measured(
        sentences,
        seconds,
        first["processor"],
        first["planning"],
        first["peak"],
        again=sum(seconds_again.values()),
        processor_again=second["processor"],
    )


def _in_process(config: Path, run: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the seconds of each part, and what else the process measured."""
    command = [sys.executable, "-m", "benchmarks.scale", str(config), str(run)]
    started = time.time()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    times = pairwise([started, *found["times"]])
    return {part: end - start for part, (start, end) in zip(PARTS, times, strict=True)}, found


def exponent(smaller: Measured, larger: Measured) -> float:
    """Return the exponent k with which the processor time of planning grows, as n ** k."""
    growth = larger.planning / smaller.planning
    return math.log(growth) / math.log(larger.sentences / smaller.sentences)


def _figures(measured: Measured) -> list[Figure]:
    whole = measured.sentences >= SIZES[-1]
    title = f"{measured.sentences:,}"
    return [
        *(Figure(f"{title}: {part}", measured.seconds[part], "s") for part in PARTS),
        Figure(f"{title}: total", measured.total, "s", at_most=TOTAL if whole else None),
        Figure(f"{title}: total, again", measured.again, "s", at_most=AGAIN if whole else None),
        Figure(f"{title}: processor time", measured.processor, "s"),
        Figure(f"{title}: processor time, again", measured.processor_again, "s"),
        Figure(f"{title}: peak", measured.peak, "GiB", at_most=PEAK if whole else None),
    ]


def _child(config: str, folder: str) -> dict[str, Any]:
    """Do what a training run does up to its first step; return the time after every part."""
    import ner_adv_plugin.components  # noqa: F401
    from ner_adv_plugin.common.params import load_config
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import read_data
    from ner_adv_plugin.runs.train_job import build_trainer

    # As the command does after its imports.
    gc.freeze()
    job = checked_job(load_config(config))
    times = [time.time()]
    data = read_data(job)
    times.append(time.time())
    trainer = build_trainer(job, data, Path(folder))
    times.append(time.time())
    planning = time.process_time()
    steps = trainer.plan_steps(0)
    planning = time.process_time() - planning
    times.append(time.time())
    trainer.model.train()
    trainer.train_step(steps[0])
    times.append(time.time())
    processor = time.process_time()
    return {"times": times, "processor": processor, "planning": planning, "peak": peak()}


if __name__ == "__main__":
    print(json.dumps(_child(*sys.argv[1:])))
