"""The data of a run: instances, vocabulary, evaluators."""

import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError, DataError, nearest
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.corpora.contradictions import LabelledFile, find_contradictions
from ner_adv_plugin.data.corpora.leakage import without_leaks
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.corpus_cache import CorpusCache
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.job import Stages, TrainJob

logger = logging.getLogger(__name__)

Splits = dict[str, dict[str, InstanceTable]]


@dataclass
class RunData:
    """The data of a run.

    # Parameters

    splits : instances by split ("train", "validation", "test") and dataset.
    readers : the reader of each dataset.
    leaked : for each dataset, the number of training sentences that contain a validation or test
        sentence.
    reading : what the readers changed or skipped, and training sentences that contradict others,
        as metrics of the run; only numbers above 0.
    unlabelled : why files have no labels, by path; sentences that start with a space, or empty.
    """

    splits: Splits
    readers: dict[str, DatasetReader]
    leaked: dict[str, int]
    reading: dict[str, int] = field(default_factory=dict)
    unlabelled: dict[str, str] = field(default_factory=dict)

    def encoded(self, split: str, model: Model) -> dict[str, EncodedDataset]:
        """Encode the sentences of a split for a model; by dataset."""
        return {
            name: EncodedDataset(
                name, sentences, model.vocab, model.alphabet, self.readers[name].form()
            )
            for name, sentences in self.splits.get(split, {}).items()
        }


def read_data(job: TrainJob) -> RunData:
    """Read all datasets of a run and handle leaked training sentences.

    # Parameters

    job : from `checked_job`.

    # Raises

    DataError : if a sentence cannot be read, or if training data that belong to a task have no
        labels.

    # Examples

    >>> import ner_adv_plugin.components
    >>> from ner_adv_plugin.common.params import load_config
    >>> from ner_adv_plugin.runs.config_checks import checked_job
    >>> data = read_data(checked_job(load_config("fixtures/configs/hard_sharing.jsonnet")))
    >>> len(data.splits["train"]["msra"])
    16
    """
    sources = job.sources
    folder = job.data_loader.cache_directory
    cache = None if folder is None else CorpusCache(Path(folder))
    splits: Splits = {}
    reading: dict[str, int] = {}
    unlabelled: dict[str, str] = {}
    for split, paths in sources.paths.items():
        reader = sources.reader if split == "train" else sources.held_out_reader
        splits[split] = reader.read_all(paths, cache)
        for name, path in paths.items():
            counts = reader.readers[name].counts.get(str(path), ReadingCounts())
            reading |= counts.metrics(f"reading_{name}_{split}_")
            if splits[split][name].spans is None:
                unlabelled[str(path)] = reader.readers[name].why_unlabelled(str(path))
        if split == "train":
            _check_labelled(splits[split], reader.readers)

    held_out = [
        table
        for split, datasets in splits.items()
        if split != "train"
        for table in datasets.values()
    ]
    held_out += _held_out_of_other_stages(job, cache)
    splits["train"], leaked = without_leaks(
        splits["train"], held_out, job.data_loader.leakage, cache
    )
    reading |= _count_contradictions(splits["train"], sources.reader.readers)

    data = RunData(splits, sources.reader.readers, leaked, reading, unlabelled)
    return with_subset(data, job.data_loader.subset, job.random_seed or 0)


def _held_out_of_other_stages(job: TrainJob, cache: CorpusCache | None) -> list[InstanceTable]:
    """Read the validation and test sets that only other stages of the run have.

    No stage may train on a sentence by which another one is scored.
    """
    stages = [] if job.stages_of_run is None else job.stages_of_run.jobs
    read = {path for paths in job.sources.paths.values() for path in paths.values()}
    found: list[InstanceTable] = []
    for other in stages:
        for split, paths in other.sources.paths.items():
            new = {name: path for name, path in paths.items() if path not in read}
            if split != "train" and new:
                found += other.sources.held_out_reader.read_all(new, cache).values()
                read |= set(new.values())
    return found


def _check_labelled(
    train: Mapping[str, InstanceTable], readers: Mapping[str, DatasetReader]
) -> None:
    for name, table in train.items():
        head = readers[name].head
        if head is not None and table.spans is None and readers[name].task != "raw_text":
            file_path = table.columns.source or name
            expected = (
                f'labels, as dataset "{name}" belongs to task "{head}".'
                f"{readers[name].why_unlabelled(file_path)}"
                " For text without labels, set head: null in the reader"
            )
            raise DataError(file_path, None, f"no labels in {len(table)} sentences", expected)


def _count_contradictions(
    train: Mapping[str, InstanceTable], readers: Mapping[str, DatasetReader]
) -> dict[str, int]:
    """Warn of training sentences of a head with the same text but other labels.

    # Returns

    The number of these sentences as metrics of the run; only numbers above 0.
    """
    files: dict[str, list[LabelledFile]] = {}
    for name, table in train.items():
        if (head := readers[name].head) is not None and table.spans is not None:
            files.setdefault(head, []).append(LabelledFile(table, readers[name].annotated_types))

    counts: dict[str, int] = {}
    for head, own in files.items():
        found = find_contradictions(own)
        if found.texts:
            logger.warning('head "%s": %s; `allennlp audit` shows them', head, found.message())
            counts[f"contradicting_sentences_{head}"] = found.sentences
    return counts


def with_subset(data: RunData, subset: Mapping[str, int], seed: int) -> RunData:
    """Return the data with fewer training sentences of some datasets.

    # Parameters

    data : what was read.
    subset : number of training sentences by dataset; other datasets stay whole.
    seed : of the random order whose first sentences are taken, so that subsets are nested.

    # Raises

    ConfigurationError : at `data_loader.subset.<dataset>`, if a dataset has fewer.
    """
    train = dict(data.splits["train"])
    for name, size in subset.items():
        available = len(train[name])
        if size > available:
            raise ConfigurationError(
                f"found {size}, but there are {available} training sentences",
                f"data_loader.subset.{name}",
            )
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        train[name] = train[name].select(np.sort(rng.permutation(available)[:size]))
    return replace(data, splits={**data.splits, "train": train})


def collect_vocabulary(job: TrainJob, data: RunData) -> Vocabulary:
    """Build or load the vocabulary of a run.

    # Parameters

    job : from `checked_job`.
    data : the data of the run.

    # Raises

    ConfigurationError : if a vocabulary from an earlier run lacks a dataset of this run.
    """
    is_collected = job.vocabulary is None or (
        job.vocabulary.filled.get("type") == Vocabulary.default_implementation
    )
    if job.stages_of_run is not None and is_collected:
        vocab = _vocabulary_of(job.stages_of_run, job, data)
    elif job.vocabulary is not None:
        vocab = job.vocabulary.construct(instances=data.splits, readers=data.readers)
    else:
        vocab = Vocabulary.from_instances(instances=data.splits, readers=data.readers)
    for name in data.readers:
        if name not in vocab.datasets:
            hint, known = nearest(name, vocab.datasets), ", ".join(vocab.datasets)
            message = f'it has no dataset "{name}".{hint} Datasets: {known}.'
            raise ConfigurationError(message, "vocabulary")

    # The folder of an earlier run's vocabulary holds the config of that run's encoder, not of ours.
    vocab.directory = None
    if vocab.training_texts is None:
        vocab.training_texts = lambda: training_texts(data)
    return vocab


def _vocabulary_of(stages: Stages, job: TrainJob, data: RunData) -> Vocabulary:
    """Return the vocabulary of all stages, which is collected once."""
    if stages.vocabulary is None:
        read = [data if other is job else read_data(other) for other in stages.jobs]
        stages.vocabulary = Vocabulary.joined(
            [Vocabulary.from_instances(instances=own.splits, readers=own.readers) for own in read]
        )
        stages.vocabulary.training_texts = lambda: chain.from_iterable(map(training_texts, read))
    return stages.vocabulary


def training_texts(data: RunData) -> Iterator[str]:
    """Yield the training texts of all datasets as the encoder sees them, except streamed ones."""
    for name, table in data.splits["train"].items():
        if not table.streamed:
            yield from map(data.readers[name].shown, table.texts())


def evaluator_of(job: TrainJob, model: Model, data: RunData, split: str) -> Evaluator:
    """Return the evaluator of one split."""
    datasets = data.encoded(split, model)
    for dataset in datasets.values():
        dataset.targets = model.targets(dataset, training=False)

    return Evaluator(model.vocab, datasets, job.validation_data_loader.batch_size)
