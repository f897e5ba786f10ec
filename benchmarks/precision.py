"""bf16 compared with fp32 on the CPU, and the share of its peak rate that a GPU reaches."""

import time

import torch

from benchmarks.corpora import MSRA, PEOPLE_DAILY, corpus_of, provenance, split_corpus
from benchmarks.floor import matrix_products, step_flops
from benchmarks.models import (
    BASE,
    SMALL,
    TINY,
    build,
    encoder_of,
    loader_of,
    random_bert,
    trainer_of,
)
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.step import lengths_of, typical
from benchmarks.timing import interleaved
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers import RoundRobinScheduler

GPU_TOKENS, GPU_STEPS = 16384, 30


def run(options: Options) -> Report:
    """Time training steps on the CPU and, if there is one, on a GPU."""
    report = on_cpu(options)
    if options.tiny or not torch.cuda.is_available():
        reason = "tiny" if options.tiny else "there is no GPU"
        report.notes.append(f"share of a GPU's rate: skipped, {reason}")
        return report

    gpu = on_gpu()
    return Report(report.figures + gpu.figures, report.notes + gpu.notes)


def on_cpu(options: Options) -> Report:
    """Compare the adversarial step in both precisions, each with its own model and trainer."""
    corpus = split_corpus(PEOPLE_DAILY, 2)
    seconds = {"fp32": 0.0, "bf16": 0.0}
    hidden_size = 8 if options.tiny else 128
    with random_bert(TINY if options.tiny else SMALL) as folder:
        for precision in seconds:
            model = build("adversarial", corpus.vocab, folder, hidden_size).train()
            loader = loader_of(corpus.encoded(model.alphabet))
            # One after the other, as accelerate keeps the precision per process.
            with trainer_of(model, loader, precision=precision) as trainer:
                for planned in typical(loader, max(1, options.batches // 2)):
                    step = {
                        precision: lambda trainer=trainer, planned=planned: trainer.train_step(
                            [planned]
                        )
                    }
                    seconds[precision] += interleaved(step, options.repeats)[precision]

    ratio = seconds["fp32"] / seconds["bf16"]
    return Report(
        [Figure("steps in fp32 over steps in bf16, CPU", ratio)],
        [f"sentences of {provenance(PEOPLE_DAILY)}"],
    )


def on_gpu() -> Report:
    """Train a single task with an encoder of the size of BERT base in bf16, on large batches."""
    corpus = corpus_of(MSRA)
    with random_bert(BASE) as folder:
        model = build("crf_tagger", corpus.vocab, folder).train()
    loader = DataLoader(RoundRobinScheduler(max_tokens=GPU_TOKENS))
    loader.set_sentences(corpus.encoded(model.alphabet), seed=0)
    plan = loader.plan(0)[: 2 * GPU_STEPS]
    lengths = [lengths_of(loader, planned) for planned in plan[GPU_STEPS:]]

    with trainer_of(model, loader, device=0, precision="bf16") as trainer:
        for planned in plan[:GPU_STEPS]:
            trainer.train_step([planned])
        torch.cuda.synchronize()
        started = time.perf_counter()
        for planned in plan[GPU_STEPS:]:
            trainer.train_step([planned])
        torch.cuda.synchronize()
        seconds = time.perf_counter() - started

    multiply, flops = matrix_products(
        encoder_of(model).transformer.config, GPU_TOKENS, "cuda", torch.bfloat16
    )

    def multiply_often() -> None:
        for _ in range(50):
            multiply()
        torch.cuda.synchronize()

    rate = 50 * flops / interleaved({"rate": multiply_often}, 5)["rate"]
    used = sum(step_flops(model, own, 128, towers_read=1) for own in lengths) / seconds
    return Report(
        [
            Figure("tokens per second, GPU", sum(map(sum, lengths)) / seconds),
            Figure("rate of matrix products, GPU, bf16", rate / 1e12, "TFLOP/s"),
            Figure("share of that rate", used / rate, aim=0.45),
        ],
        [f"GPU: {len(lengths)} batches of at most {GPU_TOKENS} tokens of {provenance(MSRA)}"],
    )
