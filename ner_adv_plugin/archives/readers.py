"""The readers of an archive, which may be of a plugin that is not installed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives.extraction import versions
from ner_adv_plugin.archives.writing import CONFIG, META
from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.reading import DatasetReader, MultiTaskDatasetReader
from ner_adv_plugin.data.reading.held_out import held_out_reader_of
from ner_adv_plugin.data.reading.multitask import as_multitask
from ner_adv_plugin.data.reading.normalisers import Normaliser
from ner_adv_plugin.data.vocabulary import Vocabulary

# The key of `meta.json` that holds the normalisers of each dataset.
NORMALISERS = "normalisers"


@dataclass
class Readers:
    """The readers of a run.

    # Parameters

    of_training, of_held_out : the readers of training sets, and of validation and test sets; if
        they cannot be built, an error to raise when they are needed.
    archive : path of the archive or folder, in messages.
    normalisers : recorded normalisers by dataset, for prediction without the readers.
    """

    of_training: MultiTaskDatasetReader | UserError
    of_held_out: MultiTaskDatasetReader | UserError
    archive: str
    normalisers: Mapping[str, list[Normaliser] | None] = field(default_factory=dict)

    @property
    def train(self) -> MultiTaskDatasetReader:
        """The reader of the training sets."""
        return _built(self.of_training)

    @property
    def held_out(self) -> MultiTaskDatasetReader:
        """The reader of the validation and test sets."""
        return _built(self.of_held_out)

    def shown(self, dataset: str) -> Callable[[str], str]:
        """See `Archive.shown`."""
        recorded = self.normalisers.get(dataset)
        if isinstance(self.of_training, UserError) and recorded is not None:
            return DatasetReader(normalisers=recorded).shown
        if dataset not in self.train.readers:
            known = ", ".join(self.train.readers)
            raise UserError(
                f'{self.archive}: {CONFIG}: no reader for dataset "{dataset}". Readers: {known}.'
            )
        return self.train.readers[dataset].shown

    def normalisers_of(self, dataset: str) -> Sequence[Normaliser]:
        """Return the normalisers of a dataset.

        # Raises

        UserError : if its reader is not known, or changes the text in another way.
        """
        recorded = self.normalisers.get(dataset)
        if isinstance(self.of_training, UserError) and recorded is not None:
            return recorded
        reader = self.train.readers[dataset]
        if type(reader).shown is not DatasetReader.shown:
            raise UserError(
                f"dataset {dataset}: {type(reader).__name__} changes the text by a method `shown`,"
                " expected normalisers"
            )
        return reader.normalisers


def recorded_normalisers(
    readers: Mapping[str, DatasetReader], filled: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the config of the normalisers of each dataset, for `meta.json`.

    It is None for a reader that changes the text in a way that its config does not tell.

    # Parameters

    readers : the readers by dataset.
    filled : the config of the reader, or of each reader in `readers`, with defaults.
    """
    several = filled.get("readers", {})
    return {name: _config_of(reader, several.get(name, filled)) for name, reader in readers.items()}


def _config_of(reader: DatasetReader, filled: Any) -> Any:
    settings = filled.get(NORMALISERS, []) if isinstance(filled, Mapping) else []
    same_text = type(reader).shown is DatasetReader.shown
    try:
        told = construct(list[Normaliser], settings) == list(reader.normalisers)
        return json.loads(json.dumps(settings)) if same_text and told else None
    except (ConfigurationError, TypeError, ValueError):
        return None


def read_readers(config: Mapping[str, Any], folder: Path, shown: str) -> Readers:
    """Build the readers of an archive.

    A reader whose type is not registered is needed only to read corpora, so that its error waits.

    # Parameters

    config : the config of the run.
    folder : the opened archive.
    shown : its name in error messages.

    # Raises

    ConfigurationError : if the config is wrong in another way, or if prediction needs the reader.
    """
    try:
        train = as_multitask(
            construct(DatasetReader, config["dataset_reader"], "dataset_reader"),
            config["dataset_reader"],
        )
    except ConfigurationError as error:
        recorded = _recorded(folder)
        if not _is_unknown(error) or not recorded:
            raise
        later = UserError(f"{shown}: {CONFIG}: {error} ({versions(folder)})")
        normalisers = {
            name: None if settings is None else _normalisers(name, settings)
            for name, settings in recorded.items()
        }
        return Readers(later, later, shown, normalisers)

    key = "validation_dataset_reader"
    try:
        held_out = construct(DatasetReader, config[key], key) if config.get(key) else None
        return Readers(train, held_out_reader_of(held_out, train), shown)
    except ConfigurationError as error:
        if not _is_unknown(error):
            raise
        later = UserError(f"{shown}: {CONFIG}: {error} ({versions(folder)})")
        return Readers(train, later, shown)


def _normalisers(dataset: str, settings: Any) -> list[Normaliser]:
    path = f"dataset_reader.readers.{dataset}.{NORMALISERS}"
    return construct(list[Normaliser], settings, path)


def _is_unknown(error: ConfigurationError) -> bool:
    """Whether an error says that the type of a reader is not known, for want of its package."""
    *_, last = ["", *error.path.split(".")]
    needs_package = "is not a registered" in error.message or "cannot import class" in error.message
    return last == "type" and needs_package


def _recorded(folder: Path) -> dict[str, Any]:
    try:
        recorded = json.loads((folder / META).read_text(encoding="utf-8")).get(NORMALISERS)
    except (OSError, ValueError, RecursionError, AttributeError):
        return {}
    return recorded if isinstance(recorded, dict) else {}


def check_readers(readers: Readers, vocab: Vocabulary, bound: bool) -> None:
    """Check that readers and vocabulary of an archive have the same datasets.

    # Raises

    ConfigurationError : if a dataset has no entry in the vocabulary, or one of another task.
    """
    if isinstance(readers.of_training, UserError):
        return

    for name, reader in readers.train.readers.items():
        path = f"dataset_reader.readers.{name}"
        if name not in vocab.datasets:
            known = ", ".join(vocab.datasets)
            raise ConfigurationError(
                f'the vocabulary has no dataset "{name}". Its datasets: {known}.', path
            )
        space = vocab.datasets[name]
        if not bound and (space.head, space.task) != (reader.head, reader.task):
            raise ConfigurationError(
                f"the vocabulary says that its head is {space.head} ({space.task}), "
                f"its reader says {reader.head} ({reader.task})",
                path,
            )


def _built(reader: MultiTaskDatasetReader | UserError) -> MultiTaskDatasetReader:
    if isinstance(reader, UserError):
        raise reader
    return reader
