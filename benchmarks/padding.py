"""Padding and order of the batches of a mixed epoch; nothing is timed."""

import numpy as np
import torch

from benchmarks.corpora import MSRA, WEIBO, corpus_of, every, provenance
from benchmarks.models import TINY, build, encoder_of, loader_of, random_bert
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from ner_adv_plugin.modules.encoders.packing import GroupLayout


def run(options: Options) -> Report:
    """Count positions and encoder calls in batches of an epoch of Weibo and MSRA."""
    corpus = corpus_of(WEIBO, MSRA)
    with random_bert(TINY) as folder:
        model = build("hard_sharing", corpus.vocab, folder, hidden_size=8)
    loader = loader_of(corpus.encoded(model.alphabet))
    plan = loader.plan(0)
    chosen = every(plan, 5 if options.tiny else 300)

    encoder = encoder_of(model)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    encoder.transformer.register_forward_hook(count)
    positions = attended = characters = padded = 0
    special = len(encoder.prefix) + len(encoder.suffix)
    with torch.inference_mode():
        for batch in (loader.batches([planned])[0] for planned in chosen):
            encoder(batch)
            positions += encoder.positions
            attended += sum(
                sentences * length
                for sentences, _, length in shapes([n + special for n in batch.lengths])
            )
            characters += sum(batch.lengths)
            padded += batch.token_ids_BL.numel()

    shares = [np.mean([name == "weibo" for name, _ in planned]) for planned in plan[:-1] or plan]
    return Report(
        [
            # Positions include the two special tokens of every sentence.
            Figure("positions over characters", positions / characters, at_most=1.05),
            Figure("the same inside attention, in training", attended / characters),
            Figure("padded to the longest sentence of the batch", padded / characters),
            Figure("encoder calls per batch", calls / len(chosen)),
            Figure(
                "rank correlation of order with file order, msra", order_correlation(plan, "msra")
            ),
            Figure(
                "rank correlation of order with file order, weibo", order_correlation(plan, "weibo")
            ),
            Figure("standard deviation of weibo's share of a batch", float(np.std(shares))),
        ],
        [f"{len(chosen)} of {len(plan)} batches of {provenance(WEIBO, MSRA)}"],
    )


def shapes(lengths: list[int]) -> list[tuple[int, int, int]]:
    """Return (sentences, attention heads, longest sentence) of every group of sentences."""
    return [group.shape for group in GroupLayout(lengths, heads=1).groups]


def order_correlation(plan: list[PlannedBatch], dataset: str) -> float:
    """Return Spearman's correlation between the order of a dataset in an epoch and in its file."""
    sentences = np.array(
        [sentence for planned in plan for name, sentence in planned if name == dataset]
    )
    ranks = np.argsort(np.argsort(sentences, kind="stable"))
    return float(np.corrcoef(ranks, np.arange(len(sentences)))[0, 1])
