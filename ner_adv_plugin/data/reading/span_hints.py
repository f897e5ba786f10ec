"""Hints on what a file is that `span_json` cannot read."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ner_adv_plugin.data.reading.json_formats import file_looks_like, looks_like
from ner_adv_plugin.data.reading.json_records import sample
from ner_adv_plugin.data.reading.span_offsets import Counting, counting_hint


class FileHints:
    """Hints on the format of a file, found in its first 1,000 records when they are needed.

    A hint is a sentence that starts with a space; it is empty if nothing is known.

    # Parameters

    lines : the lines that are not blank.
    counting : how positions are counted.
    """

    def __init__(self, lines: Sequence[str], counting: Counting) -> None:
        self._lines = lines
        self._counting = counting

    def format_of(self, value: Any) -> str:
        """Return a hint on the format of a record, or else of other records of the file."""
        return looks_like(value) or self._of_records

    def format_of_file(self) -> str:
        """Return a hint on the format of a file whose first line is no record."""
        return file_looks_like(self._lines)

    @cached_property
    def counting(self) -> str:
        """A hint on how the file counts positions."""
        return counting_hint(sample(self._lines), self._counting)

    @cached_property
    def _of_records(self) -> str:
        return next(filter(None, map(looks_like, sample(self._lines))), "")
