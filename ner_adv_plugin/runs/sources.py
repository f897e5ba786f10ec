"""The corpora of a run: readers and paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ner_adv_plugin.common.errors import ConfigurationError, nearest, nearest_file
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.data.reading import DatasetReader, MultiTaskDatasetReader
from ner_adv_plugin.data.reading.held_out import held_out_reader_of
from ner_adv_plugin.data.reading.multitask import as_multitask

Paths = str | dict[str, str]


class ReadsCorpora(Protocol):
    """A job with readers; see `TrainJob`."""

    dataset_reader: DatasetReader
    validation_dataset_reader: DatasetReader | None


@dataclass(frozen=True)
class Sources:
    """The readers and paths of a run.

    # Parameters

    reader : the reader of the training sets.
    held_out_reader : the reader of validation and test sets.
    paths : paths by split (only those in the config) and dataset.
    """

    reader: MultiTaskDatasetReader
    held_out_reader: MultiTaskDatasetReader
    paths: Mapping[str, Mapping[str, str]]


def sources_of(job: ReadsCorpora, config: Mapping[str, Any]) -> Sources:
    """Match the readers of a config with its paths.

    # Parameters

    job : the bound config.
    config : the config.

    # Raises

    ConfigurationError : if a path has no reader.
    """
    reader = as_multitask(job.dataset_reader, config["dataset_reader"])
    held_out_reader = held_out_reader_of(job.validation_dataset_reader, reader)

    paths = {}
    for split in ("train", "validation", "test"):
        split_reader = reader if split == "train" else held_out_reader
        split_paths = getattr(job, f"{split}_data_path", None)
        if split_paths is not None:
            paths[split] = _by_name(split_paths, split_reader, f"{split}_data_path")

    return Sources(reader, held_out_reader, paths)


def check_files(
    paths: str | Mapping[str, str] | None, config_path: str, folders: bool = False
) -> None:
    """Check that files exist; URLs are not checked.

    # Parameters

    paths : one path, or several by name.
    config_path : the path in the config that names them.
    folders : whether they may be folders.

    # Raises

    ConfigurationError : for the first file that is missing.
    """
    if isinstance(paths, Mapping):
        for name, path in paths.items():
            check_files(path, f"{config_path}.{name}", folders)
    elif paths is None or is_url(paths):
        return
    elif not (Path(paths).exists() if folders else Path(paths).is_file()):
        raise ConfigurationError(f'no such file "{paths}".{nearest_file(Path(paths))}', config_path)


def _by_name(
    paths: str | dict[str, str], reader: MultiTaskDatasetReader, key: str
) -> dict[str, str]:
    """Return the path of each dataset; a single path belongs to the only reader."""
    if isinstance(paths, dict):
        for name in paths:
            if name not in reader.readers:
                hint, known = nearest(name, reader.readers), ", ".join(reader.readers)
                raise ConfigurationError(
                    f"no reader for this dataset.{hint} Readers: {known}.", f"{key}.{name}"
                )
        return paths

    if len(reader.readers) > 1:
        raise ConfigurationError(
            f"expected an object of paths, one for each reader, found {paths!r}", key
        )
    return {next(iter(reader.readers)): paths}
