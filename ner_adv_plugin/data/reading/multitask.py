"""Several datasets read side by side."""

from collections.abc import Iterator, Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.dataset_reader import SAME_AS_DATASET, DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable


@DatasetReader.register("multitask")
class MultiTaskDatasetReader(DatasetReader):
    """Reads any number of datasets, each with its own reader; data paths are then objects with the same names.

    Registered as "multitask".

    # Parameters

    readers : the reader of each dataset, by the dataset's name.
    """

    def __init__(self, readers: dict[str, DatasetReader]) -> None:
        super().__init__()
        if not readers:
            raise ConfigurationError("expected at least one reader", "readers")
        self.readers = readers
        for name, reader in readers.items():
            reader.bind(name)
            if reader.head is not None and (not reader.head or set("./") & set(reader.head)):
                raise ConfigurationError(
                    f'found "{reader.head}": a head gives files and modules their names, expected no "." or "/"',
                    f"readers.{name}.head",
                )

    def _read(self, file_path: str) -> Iterator[Instance]:
        raise ConfigurationError(
            f"a multitask reader needs an object of paths, found {file_path!r}"
        )

    def read_all(self, paths: Mapping[str, str]) -> dict[str, InstanceTable]:
        """The sentences of each dataset named in `paths`."""
        for name in paths:
            if name not in self.readers:
                raise ConfigurationError(
                    f'no reader for dataset "{name}".{nearest(name, self.readers)} Readers: {", ".join(self.readers)}.'
                )
        return {name: self.readers[name].read(path) for name, path in paths.items()}


def as_multitask(reader: DatasetReader, config: Any) -> MultiTaskDatasetReader:
    """A reader of one dataset as a multitask reader; the dataset takes the name of its head or of its type."""
    if isinstance(reader, MultiTaskDatasetReader):
        return reader
    kind = config if isinstance(config, str) else config.get("type", "dataset")
    return MultiTaskDatasetReader({dataset_name(config, str(kind)): reader})


def dataset_name(config: Any, kind: str) -> str:
    """The name of the only dataset of a run."""
    head = config.get("head") if isinstance(config, dict) else None
    return kind if head in (None, SAME_AS_DATASET) else str(head)
