"""Speed of prediction, compared with a plain pipeline of the same weights; cost of scores."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from benchmarks.corpora import PEOPLE_DAILY, provenance, split_corpus
from benchmarks.models import SMALL, TINY, build, random_bert
from benchmarks.options import Options
from benchmarks.plain_port import PlainPort
from benchmarks.report import Figure, Report
from benchmarks.timing import interleaved
from ner_adv_plugin.archives import Archive, Readers
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.answers import described
from ner_adv_plugin.data.labels.tag_arrays import TagTable, sentence_offsets, strict_spans
from ner_adv_plugin.data.reading import MultiTaskDatasetReader
from ner_adv_plugin.exporting import export_archive
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.inference.predictor import JsonDict
from ner_adv_plugin.inference.tagger import Tagger
from ner_adv_plugin.modules.heads import CrfHead
from ner_adv_plugin.runtime import Predictor

BATCH_SIZE = 32
HEAD = "task0"


def run(options: Options) -> Report:
    """Tag the same sentences with both in fp32, including tokenisation.

    Our predictor computes a score for every entity, the plain pipeline does not.
    """
    corpus = split_corpus(PEOPLE_DAILY, 1, 50 if options.tiny else 1500)
    texts = [sentence.text for sentence in corpus.instances[HEAD]]
    with random_bert(TINY if options.tiny else SMALL) as folder:
        model = build(
            "crf_tagger", corpus.vocab, folder, hidden_size=8 if options.tiny else 128
        ).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
    reader = MultiTaskDatasetReader(corpus.readers)
    archive = Archive(model, {}, Readers(reader, reader, "benchmark"))
    tagger = Tagger(archive, HEAD)
    plain = PlainPort(model).eval()
    head = model.heads[HEAD]
    assert isinstance(head, CrfHead)
    table = TagTable.of(head.scheme, head.label_space.types)

    def ours() -> list[JsonDict]:
        return list(tagger.predict_all(Instance(text) for text in texts))

    def theirs() -> list[JsonDict]:
        answers = []
        for start in range(0, len(texts), BATCH_SIZE):
            group = texts[start : start + BATCH_SIZE]
            paths = plain.decode(*tokenized(tokenizer, group), HEAD)
            found = strict_spans(np.concatenate(paths), sentence_offsets([*map(len, paths)]), table)
            for text, spans in zip(group, found, strict=True):
                answer = described(text, spans or (), False, head.scheme)
                answers.append({"sentence": text, **answer})
        return answers

    def predicted(scored: bool) -> int:
        dataset = tagger.encoded([Instance(text) for text in texts])
        predictions = predict_dataset(model, dataset, HEAD, tagger.batch_size, scored=scored)
        return len(predictions.spans.starts_S)

    same = [one["tags"] == other["tags"] for one, other in zip(ours(), theirs(), strict=True)]
    with TemporaryDirectory(prefix="benchmark-") as folder:
        export_archive(archive, Path(folder) / "int8", HEAD, "int8")
        exported = Predictor(Path(folder) / "int8", threads=torch.get_num_threads())
    seconds = interleaved(
        {
            "ours": ours,
            "int8": lambda: exported.predict(texts),
            "theirs": theirs,
            "scored": lambda: predicted(scored=True),
            "unscored": lambda: predicted(scored=False),
        },
        options.repeats,
        warm_up=0,
    )
    text = "".join(texts)
    long, short = text[: 1000 if options.tiny else 20000], text[:40]
    latency = seconds_of_one(tagger, short, 3 if options.tiny else 50)
    started = time.perf_counter()
    list(tagger.predict_all([Instance(long)]))
    seconds_of_long = time.perf_counter() - started
    return Report(
        [
            Figure("sentences per second", len(texts) / seconds["ours"]),
            Figure("sentences per second, plain pipeline", len(texts) / seconds["theirs"]),
            Figure(
                "plain pipeline's time over ours",
                seconds["theirs"] / seconds["ours"],
                at_least=2.5,
                aim=3.5,
            ),
            Figure(
                "plain pipeline's time over that of an export in int8",
                seconds["theirs"] / seconds["int8"],
                aim=6,
            ),
            Figure("one sentence of 40 characters, one thread", 1000 * latency, "ms", aim=8),
            Figure("characters per second of one long text", len(long) / seconds_of_long),
            Figure("sentences tagged alike", sum(same) / len(texts), at_least=0.999),
            Figure(
                "time with entity scores over time without", seconds["scored"] / seconds["unscored"]
            ),
            Figure("entities per sentence", predicted(scored=False) / len(texts)),
        ],
        [f"{len(texts)} sentences of {provenance(PEOPLE_DAILY)}"],
    )


def seconds_of_one(tagger: Tagger, text: str, repeats: int) -> float:
    """Return the median seconds of one text at a time, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return interleaved({"one": lambda: list(tagger.predict_all([Instance(text)]))}, repeats)[
            "one"
        ]
    finally:
        torch.set_num_threads(threads)


def tokenized(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and mask, both (B, L), of texts with one token per character."""
    encoded = tokenizer(
        [list(text) for text in texts],
        is_split_into_words=True,
        add_special_tokens=False,
        padding=True,
        return_tensors="pt",
    )
    return encoded["input_ids"], encoded["attention_mask"].bool()
