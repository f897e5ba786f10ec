"""Checks that the labels of a run's data are there, before a model is built.

What the config promises is checked in `config_checks`; only the data show what is missing.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.label_spaces import dataset_spaces, heads_of
from ner_adv_plugin.data.labels.type_counts import listed_counts, type_counts
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.metrics import metric_names, score_names
from ner_adv_plugin.runs.data import RunData
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.training.metric_checks import DEFAULT_METRIC

logger = logging.getLogger(__name__)

Tables = dict[str, InstanceTable]


class Gold(NamedTuple):
    """The head of validation data, and the number of their entities by type."""

    head: str
    counts: Counter[str]


def check_labels(job: TrainJob, data: RunData) -> None:
    """Check that the data have the labels that training, validation and testing need.

    Entities that are missing without need are named in warnings, with counts.

    # Parameters

    job : from `checked_job`.
    data : its data.

    # Raises

    ConfigurationError : if the task of a head has no entity in training, if `validation_metric`
        cannot be computed or is always 0, or if test data to be scored have no labels.
    """
    for head in heads_of(dataset_spaces(data.readers)):
        if _task(data, head) == "ner":
            _check_entities(data, head)

    _check_metric(job, data)
    if job.evaluate_on_test:
        _check_test(data)


def warn_of_unknown_types(vocab: Vocabulary, data: RunData) -> None:
    """Warn of training entities whose types a vocabulary from an earlier run does not have."""
    for name, table in data.splits["train"].items():
        head = data.readers[name].head
        if head is None or _task(data, head) != "ner":
            continue
        counts = type_counts([table.spans])
        unknown = _without(counts, vocab.label_space(head).types)
        if unknown:
            logger.warning(
                "%s: %d of %d entities are of types that the vocabulary does not have, and are "
                "never learnt: %s",
                _file(name, table),
                unknown.total(),
                counts.total(),
                listed_counts(unknown),
            )


def _check_entities(data: RunData, head: str) -> None:
    """Check that the training data of a head have entities of all types that held-out data have."""
    train = _tables(data, "train", head)
    if not train:
        # Another stage of the run trains it.
        return
    labelled = {name: table for name, table in train.items() if table.spans is not None}
    learnt = type_counts(table.spans for table in labelled.values())
    if labelled and not learnt:
        raise ConfigurationError(
            f"no entity in the {sum(map(len, labelled.values()))} training sentences of head "
            f'"{head}" ({_files(labelled)}): expected at least one. Are all tags "O", or does '
            "type_map drop all types?",
            f"train_data_path.{next(iter(labelled))}",
        )

    for split in ("train", "validation", "test"):
        for name, table in _tables(data, split, head).items():
            if table.spans is None:
                if split != "train":
                    logger.warning("%s: no labels, so it is not scored", _file(name, table))
                continue

            counts = type_counts([table.spans])
            if not counts:
                message = "%s: not one entity in %d sentences"
                logger.warning(message, _file(name, table), len(table))
            unknown = _without(counts, learnt)
            if split != "train" and unknown:
                logger.warning(
                    "%s: %d of %d entities are of types that no training sentence of head "
                    '"%s" has, so they cannot be learnt: %s',
                    _file(name, table),
                    unknown.total(),
                    counts.total(),
                    head,
                    listed_counts(unknown),
                )


def _check_metric(job: TrainJob, data: RunData) -> None:
    """Check that `validation_metric` can be computed, and that it can differ between epochs."""
    tables = {
        name: table
        for name, table in data.splits.get("validation", {}).items()
        if data.readers[name].head is not None
    }
    if not tables:
        return

    metric = job.filled["trainer"].get("validation_metric") or DEFAULT_METRIC
    name = metric[1:]
    gold = _gold_entities(data)
    available = _available(data)
    unlabelled = {
        key: table
        for key, table in tables.items()
        if table.spans is None and data.readers[key].task != "raw_text"
    }
    path = "trainer.validation_metric"

    if name not in available:
        known = f"Known: {', '.join(available) or 'none'}."
        why = _why(data, unlabelled)
        raise ConfigurationError(f"{_reason(name, available, gold, unlabelled, why)} {known}", path)
    _check_informative(name, data, gold)


def _check_informative(name: str, data: RunData, gold: Mapping[str, Gold]) -> None:
    """Check that a metric of entities is not 0 whatever the model predicts."""
    for prefix, (head, counts) in gold.items():
        learnt = type_counts(table.spans for table in _tables(data, "train", head).values())
        of_type = name.removeprefix(f"{prefix}_f1_")
        if name in [f"{prefix}_{score}" for score in score_names("ner")]:
            relevant = counts
        elif of_type in counts:
            relevant = Counter({of_type: counts[of_type]})
        else:
            continue

        if not relevant.keys() & learnt.keys():
            files = _files(_tables(data, "validation", head))
            of_types = f"entities of the types {listed_counts(relevant)}"
            raise ConfigurationError(
                f'"{name}" is always 0: validation ({files}) has '
                f"{of_types if relevant else 'no entities'}, and training {listed_counts(learnt)}. "
                f'Expected a type in both, or a metric such as "-{head}_loss".',
                "trainer.validation_metric",
            )


def _gold_entities(data: RunData) -> dict[str, Gold]:
    """Count the entities of validation data, by the prefix of the metrics that score them."""
    gold: dict[str, Gold] = {}
    for head, labelled in _scored(data).items():
        if _task(data, head) == "ner":
            gold[head] = Gold(head, type_counts(table.spans for table in labelled.values()))
            if len(labelled) > 1:
                for name, table in labelled.items():
                    gold[f"{head}_{name}"] = Gold(head, type_counts([table.spans]))
    return gold


def _available(data: RunData) -> list[str]:
    """Return the names of the validation metrics that the labels allow to compute."""
    scored = _scored(data)
    if not scored:
        return []
    return metric_names(
        {
            head: (
                list(labelled),
                score_names(
                    _task(data, head),
                    sorted(type_counts(table.spans for table in labelled.values())),
                ),
            )
            for head, labelled in scored.items()
        }
    )


def _reason(
    name: str, available: list[str], gold: Mapping[str, Gold], unlabelled: Tables, why: str
) -> str:
    """Say why a metric cannot be computed; `why` is what is known of the unlabelled files."""
    no_metric = f'no metric "{name}".{nearest(name, available)}'
    for prefix, (_, counts) in gold.items():
        if name.startswith(f"{prefix}_f1_"):
            entity_type = name.removeprefix(f"{prefix}_f1_")
            found = listed_counts(counts)
            return f'{no_metric} The validation data have no entity of "{entity_type}": {found}.'

    if unlabelled:
        have = "has" if len(unlabelled) == 1 else "have"
        return f'"{name}" cannot be computed: {_files(unlabelled)} {have} no labels.{why}'
    return no_metric


def _check_test(data: RunData) -> None:
    tables = {
        name: table
        for name, table in data.splits.get("test", {}).items()
        if data.readers[name].head is not None and data.readers[name].task != "raw_text"
    }
    if tables and all(table.spans is None for table in tables.values()):
        raise ConfigurationError(
            f"there is nothing to score: no labels in {_files(tables)}. Expected false, or "
            f"labelled test data.{_why(data, tables)}",
            "evaluate_on_test",
        )


def _scored(data: RunData) -> dict[str, Tables]:
    """Return the labelled validation data of each head."""
    heads = heads_of(dataset_spaces(data.readers))
    by_head = {
        head: {
            name: table
            for name, table in _tables(data, "validation", head).items()
            if table.spans is not None or _task(data, head) == "raw_text"
        }
        for head in heads
    }
    return {head: labelled for head, labelled in by_head.items() if labelled}


def _tables(data: RunData, split: str, head: str) -> Tables:
    return {
        name: table
        for name, table in data.splits.get(split, {}).items()
        if data.readers[name].head == head
    }


def _task(data: RunData, head: str) -> str:
    return next(reader.task for reader in data.readers.values() if reader.head == head)


def _without(counts: Counter[str], known: Iterable[str]) -> Counter[str]:
    """Return the counts of the types that are not known."""
    names = set(known)
    return Counter({name: count for name, count in counts.items() if name not in names})


def _file(name: str, table: InstanceTable) -> str:
    return table.columns.source or name


def _files(tables: Tables) -> str:
    return ", ".join(_file(name, table) for name, table in tables.items())


def _why(data: RunData, unlabelled: Tables) -> str:
    """Say what the readers know about files that have no labels."""
    return "".join(
        data.unlabelled.get(_file(name, table), "") for name, table in unlabelled.items()
    )
