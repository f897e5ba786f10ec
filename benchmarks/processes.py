"""Training on two processes of one thread each, compared with one process of one thread."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.corpora import PEOPLE_DAILY, provenance, split_corpus
from benchmarks.models import SMALL, TINY, build, loader_of, random_bert, trainer_of
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.step import BATCH_SIZE, typical

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = (1, 2)
WARM_UP = 2


def run(options: Options) -> Report:
    """Time the same batches with both numbers of processes, in turn."""
    rounds: dict[int, list[dict[str, Any]]] = {processes: [] for processes in PROCESSES}
    with random_bert(TINY if options.tiny else SMALL) as encoder:
        for _ in range(options.repeats):
            for processes, found in rounds.items():
                found.append(_launched(processes, encoder, options))

    one, two = (
        statistics.median(round_["seconds"] for round_ in rounds[number]) for number in PROCESSES
    )
    # Waiting for the other process takes no processor time: without other load on the machine, a
    # step takes as long as the busier process.
    work_of_one, work_of_two = (
        statistics.median(max(round_["processor"]) for round_ in rounds[number])
        for number in PROCESSES
    )
    return Report(
        [
            Figure("step on one process", one, "s"),
            Figure("step on two processes", two, "s"),
            Figure("speed of two processes over one", one / two, at_least=1.7),
            Figure("processor time of one", work_of_one, "s"),
            Figure("processor time of the busier of two", work_of_two, "s"),
            Figure("ratio of processor times", work_of_one / work_of_two),
        ],
        [
            f"{options.batches} batches of {BATCH_SIZE} sentences of {provenance(PEOPLE_DAILY)}; "
            "one thread in each process, gloo"
        ],
    )


def _launched(processes: int, encoder: str, options: Options) -> dict[str, Any]:
    """Run the processes; return the seconds of a step, and processor seconds of each process."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "out.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(processes), "-m", "benchmarks.processes"]
        command += [encoder, str(options.batches), str(int(options.tiny)), str(output)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        subprocess.run(
            command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=None
        )
        found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return found


def _child(encoder: str, batches: str, tiny: str, output: str) -> None:
    """Measure as one of the processes; the first one writes the result."""
    import torch
    from torch import distributed

    import ner_adv_plugin.components  # noqa: F401
    from ner_adv_plugin.common.processes import is_main, join, leave, world_size

    torch.set_num_threads(1)
    join(-1)
    seconds, own = _trained(encoder, int(batches), tiny == "1")
    processor = [own] * world_size()
    if world_size() > 1:
        distributed.all_gather_object(processor, own)
    if is_main():
        result = json.dumps({"seconds": seconds, "processor": processor})
        Path(output).write_text(result, encoding="utf-8")
    leave()


def _trained(encoder: str, batches: int, tiny: bool) -> tuple[float, float]:
    """Train on some batches; return seconds, and seconds of processor time, of a step."""
    corpus = split_corpus(PEOPLE_DAILY, tasks=2)
    model = build("adversarial", corpus.vocab, encoder, 8 if tiny else 128)
    loader = loader_of(corpus.encoded(model.alphabet), BATCH_SIZE)
    planned = typical(loader, batches)
    with trainer_of(model, loader) as trainer:
        model.train()
        for batch in planned[:WARM_UP]:
            trainer.train_step([batch])
        started, worked = time.perf_counter(), time.process_time()
        for batch in planned:
            trainer.train_step([batch])
        seconds, processor = time.perf_counter() - started, time.process_time() - worked
    return seconds / len(planned), processor / len(planned)


if __name__ == "__main__":
    _child(*sys.argv[1:])
