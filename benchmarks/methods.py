"""What a training step costs with each method that changes it, relative to the plain step."""

from contextlib import ExitStack
from typing import Any

from benchmarks.corpora import PEOPLE_DAILY, provenance, split_corpus
from benchmarks.models import SMALL, TINY, build, loader_of, random_bert, trainer_of
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.step import typical
from benchmarks.timing import interleaved
from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.training.steps.step import TrainingStep

PLAIN = "plain"
# Settings of the model, and of the step.
METHODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    PLAIN: ({}, {"type": "plain"}),
    "r_drop": ({}, {"type": "r_drop"}),
    "perturbed (fgm)": ({}, {"type": "perturbed", "attack": "fgm"}),
    "anchored, weighted": ({}, {"type": "anchored", "target": "task0", "rule": "weighted"}),
    "anchored, projected": ({}, {"type": "anchored", "target": "task0", "rule": "projected"}),
    "loss weighting dwa": ({"loss_weighting": "dwa"}, {"type": "plain"}),
    "loss weighting gradnorm": ({"loss_weighting": "gradnorm"}, {"type": "plain"}),
    "model mmoe": ({"type": "mmoe"}, {"type": "plain"}),
    "model ple": ({"type": "ple"}, {"type": "plain"}),
    "model cross_stitch": ({"type": "cross_stitch"}, {"type": "plain"}),
}


def run(options: Options) -> Report:
    """Time steps of hard sharing over two tasks, including the optimizer."""
    corpus = split_corpus(PEOPLE_DAILY, tasks=2)
    seconds = dict.fromkeys(METHODS, 0.0)
    with ExitStack() as stack:
        folder = stack.enter_context(random_bert(TINY if options.tiny else SMALL))
        size = 8 if options.tiny else 128
        trainers, batches = {}, {}
        for name, (settings, step) in METHODS.items():
            settings = {"type": "hard_sharing", **settings}
            model = build(settings.pop("type"), corpus.vocab, folder, size, **settings)
            loader = loader_of(corpus.encoded(model.alphabet))
            made = bind(TrainingStep, step, "step").build({})
            trainers[name] = stack.enter_context(trainer_of(model.train(), loader, step=made))
            batches[name] = typical(loader, options.batches)

        for number in range(options.batches):
            calls = {
                name: lambda name=name, number=number: trainers[name].train_step(
                    [batches[name][number]]
                )
                for name in METHODS
            }
            for name, taken in interleaved(calls, options.repeats).items():
                seconds[name] += taken

    return Report(
        [
            Figure("plain step", seconds[PLAIN] / options.batches, "s"),
            *(
                Figure(f"{name} over plain", seconds[name] / seconds[PLAIN])
                for name in METHODS
                if name != PLAIN
            ),
        ],
        [
            f"{options.batches} batches of up to 32 sentences of {provenance(PEOPLE_DAILY)} in two"
            " tasks, hard sharing unless a model is named"
        ],
    )
