"""The adversarial training step, compared with its floor and with a plain port."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch

from benchmarks.corpora import PEOPLE_DAILY, every, provenance, split_corpus
from benchmarks.floor import matrix_products, step_flops
from benchmarks.models import SMALL, TINY, build, encoder_of, loader_of, random_bert, trainer_of
from benchmarks.options import Options
from benchmarks.plain_port import PlainPort, largest_difference
from benchmarks.report import Figure, Report
from benchmarks.timing import interleaved
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from ner_adv_plugin.modules.products import linear

BATCH_SIZE = 32


def run(options: Options) -> Report:
    """Time training steps in fp32, with dropout."""
    corpus = split_corpus(PEOPLE_DAILY, tasks=2)
    hidden_size = 8 if options.tiny else 128
    with random_bert(TINY if options.tiny else SMALL) as encoder:
        model = build("adversarial", corpus.vocab, encoder, hidden_size)
        sentences = corpus.encoded(model.alphabet)
        for dataset in sentences.values():
            dataset.targets = model.targets(dataset)
        loader = loader_of(sentences, BATCH_SIZE)
        ours = typical(loader, options.batches)
        theirs = random_batches(sentences, len(ours))

        plain = PlainPort(model)
        difference = largest_difference(model, plain, [*theirs[:1], *loader.batches(ours[:1])])
        optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-5)
        config = encoder_of(model).transformer.config
        multiply, flops = matrix_products(config, 1500)
        multiply_as_layers, _ = matrix_products(
            config, 1500, product=lambda left, right: linear(left, right.t())
        )
        seconds = dict.fromkeys(("ours", "plain", "rate", "rate of layers"), 0.0)
        with trainer_of(model, loader) as trainer:
            model.train()
            plain.train()
            for planned, batch in zip(ours, theirs, strict=True):
                calls: dict[str, Callable[[], object]] = {
                    "ours": partial(trainer.train_step, [planned]),
                    "plain": partial(plain.train_step, batch, optimizer),
                    "rate": multiply,
                    "rate of layers": multiply_as_layers,
                }
                for name, taken in interleaved(calls, options.repeats).items():
                    seconds[name] += taken

    rate, fastest = (flops * len(ours) / seconds[name] for name in ("rate", "rate of layers"))
    lengths = [lengths_of(loader, planned) for planned in ours]
    floor = sum(step_flops(model, own, hidden_size) for own in lengths) / rate
    plain_floor = sum(step_flops(model, batch.lengths, hidden_size) for batch in theirs) / rate
    ratio = seconds["ours"] / floor
    plain_ratio = seconds["plain"] / plain_floor
    return Report(
        [
            Figure("rate of torch's matrix products", rate / 1e9, "GFLOP/s"),
            Figure("rate of the products of our layers", fastest / 1e9, "GFLOP/s"),
            Figure("floor of a step", floor / len(ours), "s"),
            Figure("step", seconds["ours"] / len(ours), "s"),
            Figure("step of the plain port", seconds["plain"] / len(ours), "s"),
            Figure("characters per step", float(np.mean([sum(own) for own in lengths]))),
            Figure("step over floor", ratio, at_most=1.8, aim=1.25),
            Figure("step over the floor at the rate of our layers", ratio * fastest / rate),
            Figure("plain port over floor", plain_ratio),
            Figure("plain port over ours", plain_ratio / ratio, at_least=3.5, aim=5),
            Figure(
                "largest difference of gradients from the plain port's", difference, at_most=1e-4
            ),
        ],
        [
            f"{len(ours)} batches of {BATCH_SIZE} sentences of {provenance(PEOPLE_DAILY)}, with "
            "dropout; each model is compared with the floor of its own batches"
        ],
    )


def typical(loader: DataLoader, count: int) -> list[PlannedBatch]:
    """Return `count` batches of an epoch at even distances, from short sentences to long ones."""
    planned = loader.plan(0)
    whole = [batch for batch in planned if len(batch) == BATCH_SIZE] or planned
    ordered = sorted(whole, key=lambda batch: sum(lengths_of(loader, batch)))
    # From the middle of each of `count` equal groups, so that neither end has more weight.
    return every(ordered[len(ordered) // (2 * count) :], count)


def lengths_of(loader: DataLoader, planned: PlannedBatch) -> list[int]:
    """Return the number of characters of every sentence of a planned batch."""
    return loader.batches([planned])[0].lengths


def random_batches(sentences: Mapping[str, EncodedDataset], count: int) -> list[Batch]:
    """Return `count` batches of sentences in random order, not bucketed by length."""
    all_sentences = [
        (dataset, index) for dataset in sentences.values() for index in range(len(dataset))
    ]
    order = np.random.default_rng(0).permutation(len(all_sentences))
    starts = range(0, len(order), BATCH_SIZE)
    batches = (order[start : start + BATCH_SIZE] for start in starts)
    return [collate([all_sentences[i] for i in batch]) for batch in batches][:count]
