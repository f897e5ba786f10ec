"""What a run reads, and by what readers."""

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
    """The keys of a config that say what is read; see `TrainJob`."""

    dataset_reader: DatasetReader
    validation_dataset_reader: DatasetReader | None


@dataclass(frozen=True)
class Sources:
    """What a run reads, and by what.

    # Parameters

    reader : of the training sets.
    held_out_reader : of validation and test sets.
    paths : for each split that there is the path of each dataset.
    """

    reader: MultiTaskDatasetReader
    held_out_reader: MultiTaskDatasetReader
    paths: Mapping[str, Mapping[str, str]]


def sources_of(job: ReadsCorpora, config: Mapping[str, Any]) -> Sources:
    """What a config says is read; `ConfigurationError` if readers and paths do not fit."""
    reader = as_multitask(job.dataset_reader, config["dataset_reader"])
    held_out_reader = held_out_reader_of(job.validation_dataset_reader, reader)

    paths = {}
    for split, of_split in (
        ("train", reader),
        ("validation", held_out_reader),
        ("test", held_out_reader),
    ):
        given = getattr(job, f"{split}_data_path", None)
        if given is not None:
            paths[split] = _by_name(given, of_split, f"{split}_data_path")
    return Sources(reader, held_out_reader, paths)


def check_files(paths: str | Mapping[str, str] | None, place: str) -> None:
    """`ConfigurationError` if a file is missing.

    # Parameters

    paths : one, or several by name; a URL is looked at when it is read.
    place : where they stand in the config.
    """
    if isinstance(paths, Mapping):
        for name, path in paths.items():
            check_files(path, f"{place}.{name}")
    elif paths is not None and not is_url(paths) and not Path(paths).is_file():
        raise ConfigurationError(f'no such file "{paths}".{nearest_file(Path(paths))}', place)


def _by_name(
    paths: str | dict[str, str], reader: MultiTaskDatasetReader, key: str
) -> dict[str, str]:
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
