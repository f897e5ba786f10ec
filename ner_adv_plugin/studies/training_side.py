"""What the arms of a study were trained on, as far as the error analysis asks for it."""

from collections.abc import Mapping, Sequence

from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.runs.data import RunData, with_subset
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.errors import TrainingSide, bigrams
from ner_adv_plugin.studies.facts import data_of


def training_side(
    jobs: Sequence[TrainJob], target: str, size: int | None, seeds: Sequence[int]
) -> TrainingSide:
    """Return the training side of some arms of a study.

    # Parameters

    jobs : the arms' checked configs, without seed and size.
    target : dataset whose entities are seen.
    size : target training sentences; None for all.
    seeds : each has its own subset of the target.
    """
    data = [data_of(job) for job in jobs]
    subset = {} if size is None else {target: size}
    seen = [
        frozenset.intersection(
            *(entities_of(with_subset(one, subset, seed).splits["train"][target]) for one in data)
        )
        for seed in (seeds if size is not None else seeds[:1])
    ]
    if size is None:
        seen *= len(seeds)
    return TrainingSide(seen, source_bigrams(data, target))


def entities_of(table: InstanceTable) -> frozenset[tuple[str, str]]:
    """Return the (surface form, type) of all entities of a dataset."""
    return frozenset(
        (instance.text[span.start : span.end], span.type)
        for instance in table
        for span in instance.spans or ()
    )


def source_bigrams(data: Sequence[RunData], target: str) -> frozenset[str]:
    """Return the character bigrams of all training sentences but the target's."""
    tables: dict[int, InstanceTable] = {
        id(table): table for one in data for name, table in _train(one).items() if name != target
    }
    found: set[str] = set()
    for table in tables.values():
        for text in table.texts():
            found |= bigrams(text)
    return frozenset(found)


def _train(data: RunData) -> Mapping[str, InstanceTable]:
    return data.splits["train"]
