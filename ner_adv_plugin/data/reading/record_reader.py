"""Base class of readers that can tell a record that cannot be read from its neighbours."""

from dataclasses import dataclass

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading.bad_records import DEFAULT_SHARE, BadRecords, OnBadRecord
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader


@dataclass(kw_only=True)
class RecordReader(DatasetReader):
    """Base class of readers that may skip records that cannot be read. The last of several bases.

    # Parameters

    on_bad_record : how to treat a record that cannot be read (a JSON object, a line, the lines of a
        sentence, a document): "error" raises an error, "skip" skips and counts it.
    max_bad_records : share of the records above which "skip" raises an error, too; 2 are always
        accepted.
    """

    on_bad_record: OnBadRecord = "error"
    max_bad_records: float = DEFAULT_SHARE

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.max_bad_records <= 1:
            raise ConfigurationError(
                f"found {self.max_bad_records:g}: expected a share from 0 to 1", "max_bad_records"
            )

    def bad_records(self, file_path: str, total: int = 0) -> BadRecords:
        """Return what collects the bad records of a file.

        # Parameters

        file_path : the file, as given to `_read`.
        total : number of its records, of which a share may be bad; it can be set later.
        """
        counts = self.counts_of(file_path)
        return BadRecords(file_path, self.on_bad_record, self.max_bad_records, counts, total)
