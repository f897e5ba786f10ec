"""Reading of several datasets, each with its own reader."""

from collections.abc import Iterator, Mapping
from typing import Any

from ner_adv_plugin.common.checks import check_some
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.corpus_cache import CorpusCache
from ner_adv_plugin.data.reading.dataset_reader import SAME_AS_DATASET, DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable


@DatasetReader.register("multitask")
class MultiTaskDatasetReader(DatasetReader):
    """Reads any number of datasets, each with its own reader. Registered as "multitask".

    Data paths such as `train_data_path` are then objects with the names of the datasets as keys.

    # Parameters

    readers : the reader of each dataset, by the dataset's name.

    # Example

    ```jsonnet
    {
      type: 'multitask',
      readers: { msra: { type: 'msra', domain: 'news' }, msr: { type: 'msr', domain: 'news' } },
    }
    ```

    # Examples

    >>> from ner_adv_plugin.data.reading import MsraReader, MsrReader
    >>> reader = MultiTaskDatasetReader({"msra": MsraReader(), "msr": MsrReader()})
    >>> tables = reader.read_all(
    ...     {
    ...         "msra": "fixtures/data/msra/test.bio",
    ...         "msr": "fixtures/data/msr/msr_test_gold.utf8",
    ...     }
    ... )
    >>> {name: len(table) for name, table in tables.items()}
    {'msra': 120, 'msr': 100}
    """

    def __init__(self, readers: dict[str, DatasetReader]) -> None:
        super().__init__()
        check_some(readers, "reader", "readers")

        self.readers = readers
        for name, reader in readers.items():
            if isinstance(reader, MultiTaskDatasetReader):
                raise ConfigurationError(
                    "a multitask reader cannot be the reader of a dataset", f"readers.{name}"
                )
            reader.bind(name)
            if reader.head is not None and (not reader.head or set("./") & set(reader.head)):
                raise ConfigurationError(
                    f'found "{reader.head}": a head names files and modules, '
                    'expected a name without "." and "/"',
                    f"readers.{name}.head",
                )

    def _read(self, file_path: str) -> Iterator[Instance]:
        raise ConfigurationError(
            f"a multitask reader needs an object of paths, found {file_path!r}"
        )

    def read_all(
        self, paths: Mapping[str, str], cache: CorpusCache | None = None
    ) -> dict[str, InstanceTable]:
        """Read the datasets named in `paths`.

        # Parameters

        paths : path or URL of each dataset's file, by the dataset's name.
        cache : has what was read before; None to read everything.

        # Returns

        The sentences of each dataset, in the order of `paths`.

        # Raises

        ConfigurationError : if there is no reader for a dataset.
        """
        for name in paths:
            if name not in self.readers:
                hint = nearest(name, self.readers)
                raise ConfigurationError(
                    f'no reader for dataset "{name}".{hint} Readers: {", ".join(self.readers)}.'
                )
        if cache is not None:
            return {name: cache.read(self.readers[name], path) for name, path in paths.items()}
        return {name: self.readers[name].read(path) for name, path in paths.items()}


def as_multitask(reader: DatasetReader, config: Any) -> MultiTaskDatasetReader:
    """Wrap the reader of a single dataset in a multitask reader.

    # Parameters

    reader : any reader; a multitask reader is returned unchanged.
    config : its config; the dataset is named after `head` or, without one, after `type`.
    """
    if isinstance(reader, MultiTaskDatasetReader):
        return reader
    reader_type = config if isinstance(config, str) else config.get("type", "dataset")
    return MultiTaskDatasetReader({dataset_name(config, str(reader_type)): reader})


def dataset_name(config: Any, default: str) -> str:
    """Return the name of the only dataset of a run.

    # Parameters

    config : the config of its reader.
    default : the name if the config names no head.
    """
    head = config.get("head") if isinstance(config, dict) else None
    return default if head in (None, SAME_AS_DATASET) else str(head)
