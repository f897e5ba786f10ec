"""The cost of a sentence by number of tasks: the same sentences in two and in eight tasks."""

from contextlib import ExitStack

import numpy as np

from benchmarks.corpora import PEOPLE_DAILY, provenance, split_corpus
from benchmarks.models import SMALL, TINY, build, loader_of, random_bert, trainer_of
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.step import lengths_of, typical
from benchmarks.timing import interleaved

TASKS = (2, 8)


def run(options: Options) -> Report:
    """Time adversarial training steps, including optimizer and towers."""
    seconds = dict.fromkeys(TASKS, 0.0)
    characters = dict.fromkeys(TASKS, 0)
    sentences = dict.fromkeys(TASKS, 0)
    tower_sentences: dict[int, list[int]] = {count: [] for count in TASKS}
    with ExitStack() as stack:
        folder = stack.enter_context(random_bert(TINY if options.tiny else SMALL))
        trainers, batches = {}, {}
        for count in TASKS:
            corpus = split_corpus(PEOPLE_DAILY, count)
            model = build(
                "adversarial", corpus.vocab, folder, hidden_size=8 if options.tiny else 128
            )
            loader = loader_of(corpus.encoded(model.alphabet))
            trainers[count] = stack.enter_context(trainer_of(model.train(), loader))
            batches[count] = typical(loader, options.batches)
            for batch in loader.batches(batches[count]):
                tower_sentences[count].append(sum(map(len, model.routes(batch).values())))
            lengths = [lengths_of(loader, planned) for planned in batches[count]]
            characters[count] = sum(map(sum, lengths))
            sentences[count] = sum(map(len, lengths))

        for pair in zip(*batches.values(), strict=True):
            calls = {
                str(count): lambda count=count, planned=planned: trainers[count].train_step(
                    [planned]
                )
                for count, planned in zip(TASKS, pair, strict=True)
            }
            for name, taken in interleaved(calls, options.repeats).items():
                seconds[int(name)] += taken

    few, many = TASKS
    # Per character, as the batches hold different sentences of slightly different length.
    ratio = (seconds[many] / characters[many]) / (seconds[few] / characters[few])
    return Report(
        [
            *(
                Figure(f"step, {count} tasks", seconds[count] / options.batches, "s")
                for count in TASKS
            ),
            *(
                Figure(
                    f"characters per sentence, {count} tasks", characters[count] / sentences[count]
                )
                for count in TASKS
            ),
            *(
                Figure(f"sentences per batch, {count} tasks", sentences[count] / options.batches)
                for count in TASKS
            ),
            *(
                Figure(
                    f"tower sentences per batch, {count} tasks",
                    float(np.mean(tower_sentences[count])),
                )
                for count in TASKS
            ),
            Figure(
                "cost of a character with 8 tasks over that with 2", ratio, at_most=1.5, aim=1.25
            ),
        ],
        [
            f"{options.batches} batches of up to 32 sentences of {provenance(PEOPLE_DAILY)}, each "
            "with all tasks"
        ],
    )
