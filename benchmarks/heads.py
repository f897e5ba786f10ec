"""Training steps and prediction with each head, on the same encoder and tower."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from benchmarks.corpora import PEOPLE_DAILY, provenance, split_corpus
from benchmarks.models import SMALL, TINY, build, loader_of, random_bert, trainer_of
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.step import typical
from benchmarks.timing import interleaved
from ner_adv_plugin.archives import Archive, Readers
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import MultiTaskDatasetReader
from ner_adv_plugin.inference.tagger import Tagger

HEADS = ("crf", "softmax", "global_pointer", "biaffine")
TASK = "task0"


def run(options: Options) -> Report:
    """Time the heads on the same batches and texts, with random weights."""
    corpus = split_corpus(PEOPLE_DAILY, 1)
    texts = [instance.text for instance in corpus.instances[TASK]][: 50 if options.tiny else 500]
    reader = MultiTaskDatasetReader(corpus.readers)
    steps = dict.fromkeys(HEADS, 0.0)
    calls: dict[str, Callable[[], object]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(random_bert(TINY if options.tiny else SMALL))
        hidden_size = 8 if options.tiny else 128
        trainers, planned = {}, []
        for name in HEADS:
            model = build(
                "crf_tagger",
                corpus.vocab,
                folder,
                hidden_size=hidden_size,
                head={"type": name, "dropout": 0.2},
            )
            loader = loader_of(corpus.encoded(model.alphabet))
            trainers[name] = stack.enter_context(trainer_of(model.train(), loader))
            planned = typical(loader, options.batches)
            calls[name] = partial(
                predict,
                Tagger(Archive(model, {}, Readers(reader, reader, "benchmark")), TASK),
                texts,
            )

        for batch in planned:
            taken = interleaved(
                {name: partial(trainers[name].train_step, [batch]) for name in HEADS},
                options.repeats,
            )
            steps = {name: steps[name] + taken[name] for name in HEADS}
        seconds = interleaved(calls, options.repeats)

    figures = [
        Figure(f"step of {name}, over crf", steps[name] / steps["crf"]) for name in HEADS[1:]
    ]
    figures += [
        Figure(f"prediction of {name}, over crf", seconds[name] / seconds["crf"])
        for name in HEADS[1:]
    ]
    return Report(figures, [f"{provenance(PEOPLE_DAILY)}; prediction with entity scores"])


def predict(tagger: Tagger, texts: list[str]) -> None:
    """Predict the entities of texts, with their scores."""
    for _ in tagger.predict_all(Instance(text) for text in texts):
        pass
