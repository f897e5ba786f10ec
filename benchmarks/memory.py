"""Peak memory of a step of long sentences, and its growth over epochs; each in its own process."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.corpora import WEIBO, Corpus, corpus_of, provenance
from benchmarks.models import TINY, Shape, build, loader_of, random_bert, trainer_of
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.training.memory import numbers_per_token, peak_bytes

# The size of a Chinese RoBERTa with two layers.
TWO_LAYERS: Shape = {
    "hidden_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "intermediate_size": 2048,
}
SENTENCES, LENGTH = 32, 512
EPOCHS, EARLY = 12, 2


def run(options: Options) -> Report:
    """Measure peak memory; the sizes of `tiny` mean nothing."""
    step, growth = (_in_process(name, options.tiny) for name in MEASUREMENTS)
    limits = (None, None) if options.tiny else (3.0, 1.2)
    return Report(
        [
            Figure(f"peak of a step of {SENTENCES} x {LENGTH}", step[-1], "GiB", at_most=limits[0]),
            Figure("the same, foreseen", step[0], "GiB"),
            Figure(f"peak up to epoch {EARLY}", growth[EARLY - 1], "GiB"),
            Figure(f"peak up to epoch {len(growth)}", growth[-1], "GiB"),
            Figure("growth", growth[-1] / growth[EARLY - 1], at_most=limits[1]),
        ],
        [f"epochs of {provenance(WEIBO)}"],
    )


def _in_process(name: str, tiny: bool) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.memory", name, str(int(tiny))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    numbers: list[float] = json.loads(done.stdout.splitlines()[-1])
    return numbers


def _step(tiny: bool) -> list[float]:
    """Return the foreseen peak and the peak after two steps of the longest sentences."""
    weibo = corpus_of(WEIBO)
    text = "".join(sentence.text for sentence in weibo.instances["weibo"])[:LENGTH]
    instances = {"weibo": [Instance(text, [], dataset="weibo")] * SENTENCES}
    corpus = Corpus(instances, weibo.readers, weibo.vocab)
    with random_bert(TINY if tiny else TWO_LAYERS) as folder:
        model = build("crf_tagger", corpus.vocab, folder, 8 if tiny else 128)
    loader = loader_of(corpus.encoded(model.alphabet), SENTENCES)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    foreseen = peak_bytes(parameters, numbers_per_token(model), SENTENCES * LENGTH) / 2**30
    with trainer_of(model, loader) as trainer:
        model.train()
        for _ in range(2):
            trainer.train_step(loader.plan(0))
    return [foreseen, peak()]


def _growth(tiny: bool) -> list[float]:
    """Return the peak after each epoch of Weibo."""
    corpus = corpus_of(WEIBO)
    with random_bert(TINY if tiny else TWO_LAYERS) as folder:
        model = build("crf_tagger", corpus.vocab, folder, 8 if tiny else 128)
    loader = loader_of(corpus.encoded(model.alphabet))
    epochs = EARLY if tiny else EPOCHS
    with trainer_of(model, loader, num_epochs=epochs) as trainer:
        metrics = trainer.folder
        trainer.train()
        return [
            json.loads((metrics / f"metrics_epoch_{epoch}.json").read_text())["peak_memory_MB"]
            / 1024
            for epoch in range(epochs)
        ]


def peak() -> float:
    """Return the peak memory of this process in GiB."""
    # Unlike `ru_maxrss`, this does not include the parent process before the start.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 2**20


MEASUREMENTS: dict[str, Callable[[bool], list[float]]] = {"step": _step, "growth": _growth}

if __name__ == "__main__":
    import ner_adv_plugin.components  # noqa: F401

    print(json.dumps(MEASUREMENTS[sys.argv[1]](sys.argv[2] == "1")))
