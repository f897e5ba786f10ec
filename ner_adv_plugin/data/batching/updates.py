"""Updates that a run takes from each dataset."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch

logger = logging.getLogger(__name__)


class Updates(NamedTuple):
    """What some optimizer steps take from one dataset.

    # Parameters

    steps : number of optimizer steps with a sentence of the dataset, its updates.
    sentences : number of its sentences in these steps, repeated ones counted again.
    """

    steps: int = 0
    sentences: int = 0


def count_updates(
    steps: Iterable[Sequence[PlannedBatch]], datasets: Iterable[str]
) -> dict[str, Updates]:
    """Count the updates of each dataset.

    # Parameters

    steps : the micro-batches of each optimizer step.
    datasets : names of the datasets.

    # Examples

    >>> steps = [[[("weibo", 0), ("msra", 4)], [("msra", 2)]], [[("msra", 3)]]]
    >>> count_updates(steps, ["weibo", "msra"])["msra"]
    Updates(steps=2, sentences=3)
    """
    with_dataset, sentences = Counter[str](), Counter[str]()
    for step in steps:
        names = Counter(name for batch in step for name, _ in batch)
        with_dataset.update(names.keys())
        sentences.update(names)
    return {name: Updates(with_dataset[name], sentences[name]) for name in datasets}


def describe_updates(
    updates: Mapping[str, Updates], sizes: Mapping[str, int], steps: int
) -> Iterable[str]:
    """Yield a line about each dataset.

    # Parameters

    updates : what the steps of an epoch take from each dataset.
    sizes : number of training sentences of each dataset.
    steps : number of optimizer steps of the epoch.
    """
    for name, own in updates.items():
        passes = own.sentences / sizes[name]
        yield (
            f"{name}: {own.steps} of {steps} updates in the first epoch, {own.sentences} sentences"
            f" ({passes:.2f} x {sizes[name]})"
        )


def log_updates(steps: Sequence[Sequence[PlannedBatch]], sizes: Mapping[str, int]) -> None:
    """Log how often the first epoch updates the model with each dataset.

    # Parameters

    steps : the micro-batches of each optimizer step.
    sizes : number of training sentences of each dataset.
    """
    for line in describe_updates(count_updates(steps, sizes), sizes, len(steps)):
        logger.info(line)
