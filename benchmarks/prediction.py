"""Speed of prediction, compared with a plain pipeline of the same weights; cost of scores."""

from collections.abc import Sequence

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
from ner_adv_plugin.inference.evaluator import predict_dataset
from ner_adv_plugin.inference.predictor import JsonDict
from ner_adv_plugin.inference.tagger import Tagger
from ner_adv_plugin.modules.heads import CrfHead

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
    tagger = Tagger(Archive(model, {}, Readers(reader, reader, "benchmark")), HEAD)
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
    seconds = interleaved(
        {
            "ours": ours,
            "theirs": theirs,
            "scored": lambda: predicted(scored=True),
            "unscored": lambda: predicted(scored=False),
        },
        options.repeats,
        warm_up=0,
    )
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
            Figure("sentences tagged alike", sum(same) / len(texts), at_least=0.999),
            Figure(
                "time with entity scores over time without", seconds["scored"] / seconds["unscored"]
            ),
            Figure("entities per sentence", predicted(scored=False) / len(texts)),
        ],
        [f"{len(texts)} sentences of {provenance(PEOPLE_DAILY)}"],
    )


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
