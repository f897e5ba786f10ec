"""The reader of validation and test sets."""

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.multitask import MultiTaskDatasetReader


def held_out_reader_of(
    held_out: DatasetReader | None, reader: MultiTaskDatasetReader
) -> MultiTaskDatasetReader:
    """The reader of validation and test sets; one of a single dataset reads that of the training set.

    # Parameters

    held_out : as `validation_dataset_reader` says; None for that of the training sets.
    reader : of the training sets.

    Raises `ConfigurationError` where the two do not fit.
    """
    if held_out is None:
        return reader
    if not isinstance(held_out, MultiTaskDatasetReader):
        if len(reader.readers) > 1:
            raise ConfigurationError(
                "expected a multitask reader, as dataset_reader is", "validation_dataset_reader"
            )
        ((name, of_training),) = reader.readers.items()
        _check_normalisers(held_out, of_training, "validation_dataset_reader")
        return MultiTaskDatasetReader({name: held_out})
    for name, own in held_out.readers.items():
        place = f"validation_dataset_reader.readers.{name}"
        check_dataset(name, reader.readers, place)
        _check_normalisers(own, reader.readers[name], place)
    return held_out


def _check_normalisers(held_out: DatasetReader, of_training: DatasetReader, place: str) -> None:
    """`ConfigurationError` where a reader of held-out sentences names other normalisers than that of the training sentences,
    which are those of all splits.
    """
    if held_out.normalisers and held_out.normalisers != of_training.normalisers:
        raise ConfigurationError(
            "the encoder is shown all splits as the training set: expected no such key, or as in dataset_reader",
            f"{place}.normalisers",
        )
