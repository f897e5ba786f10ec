"""The reader of validation and test sets."""

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.multitask import MultiTaskDatasetReader


def held_out_reader_of(
    held_out: DatasetReader | None, reader: MultiTaskDatasetReader
) -> MultiTaskDatasetReader:
    """Return the reader of validation and test sets.

    # Parameters

    held_out : the reader from `validation_dataset_reader`, which may be of a single dataset if the
        run has only one; None to use the reader of the training sets.
    reader : the reader of the training sets.

    # Raises

    ConfigurationError : if the two readers are incompatible.
    """
    if held_out is None:
        return reader

    if not isinstance(held_out, MultiTaskDatasetReader):
        if len(reader.readers) > 1:
            raise ConfigurationError(
                "expected a multitask reader, as in dataset_reader", "validation_dataset_reader"
            )
        ((name, training_reader),) = reader.readers.items()
        _check_normalisers(held_out, training_reader, "validation_dataset_reader")
        return MultiTaskDatasetReader({name: held_out})

    for name, single_reader in held_out.readers.items():
        path = f"validation_dataset_reader.readers.{name}"
        check_dataset(name, reader.readers, path)
        _check_normalisers(single_reader, reader.readers[name], path)
    return held_out


def _check_normalisers(held_out: DatasetReader, training: DatasetReader, path: str) -> None:
    """Check that a held-out reader has no normalisers, or those of the training reader.

    The normalisers of the training reader are applied to all splits.
    """
    if held_out.normalisers and held_out.normalisers != training.normalisers:
        raise ConfigurationError(
            "all splits use the normalisers of dataset_reader: expected no key, or the same list",
            f"{path}.normalisers",
        )
