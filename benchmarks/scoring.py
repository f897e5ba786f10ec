"""Strict scores of 4,000 sentences, compared with seqeval."""

import numpy as np
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from benchmarks.corpora import MSRA, provenance, read
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.timing import interleaved
from ner_adv_plugin.data.labels.tag_arrays import TagTable, sentence_offsets, strict_spans
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.evaluation.entity_scores import entity_scores


def run(options: Options) -> Report:
    """Score a copy of the gold tags of MSRA in which one tag in fifty is replaced at random."""
    scheme, types = get_scheme("BIO"), ["LOC", "ORG", "PER"]
    sentences = read(MSRA)[: 50 if options.tiny else 4000]
    labels = scheme.labels(types)
    index = {label: i for i, label in enumerate(labels)}
    lengths = np.array([len(sentence.text) for sentence in sentences])

    gold = np.array(
        [
            index[tag]
            for sentence in sentences
            for tag in scheme.tags(sentence.spans or (), len(sentence.text))
        ]
    )
    generator = np.random.default_rng(0)
    predicted = np.where(
        generator.random(len(gold)) < 0.02, generator.integers(len(labels), size=len(gold)), gold
    )
    bounds = np.cumsum(lengths)[:-1]
    gold_sentences, predicted_sentences = (
        [[labels[tag] for tag in sentence] for sentence in np.split(tags, bounds)]
        for tags in (gold, predicted)
    )

    table, offsets = TagTable.of(scheme, types), sentence_offsets(lengths)
    scores: dict[str, float] = {}

    def ours() -> None:
        found, marked = (strict_spans(tags, offsets, table) for tags in (predicted, gold))
        scores["ours"] = entity_scores(found, marked, types)["f1"]

    def theirs() -> None:
        scores["theirs"] = f1_score(gold_sentences, predicted_sentences, mode="strict", scheme=IOB2)

    seconds = interleaved({"ours": ours, "theirs": theirs}, options.repeats)
    return Report(
        [
            Figure("scoring", 1e3 * seconds["ours"], "ms"),
            Figure("scoring, seqeval", 1e3 * seconds["theirs"], "ms"),
            Figure("seqeval over ours", seconds["theirs"] / seconds["ours"], at_least=20),
            Figure("strict micro F1", scores["ours"]),
            Figure(
                "difference from seqeval's", abs(scores["ours"] - scores["theirs"]), at_most=1e-12
            ),
        ],
        [f"{len(sentences)} sentences of {provenance(MSRA)}"],
    )
