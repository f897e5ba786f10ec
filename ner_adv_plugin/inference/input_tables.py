"""Tables of inputs: a header and a row for each text."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.inference.input_lines import RawInput, named, numbered_lines

# Separators by name of the format.
TABLES = {"csv": ",", "tsv": "\t"}


class _Lines:
    """Lines for `csv`, with their line breaks; a line in another code raises its error.

    Unlike a generator, it goes on after an error.
    """

    def __init__(self, path: str | Path, encoding: str) -> None:
        self._lines = numbered_lines(path, encoding)
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if isinstance(line, DataError):
            raise line
        return f"{line}\n"


def rows(path: str | Path, separator: str, encoding: str) -> Iterator[RawInput]:
    """Yield the rows of a table as objects with the names of the columns; blank rows are left out.

    # Parameters

    path, encoding : see `numbered_lines`.
    separator : the character between two cells.

    # Raises

    DataError : if the header cannot be read, or names a column twice.
    """
    lines = _Lines(path, encoding)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] | None = None
    while True:
        first = lines.number + 1
        try:
            row = next(reader, None)
        except (DataError, csv.Error) as error:
            failure = _unreadable(path, first, error)
            if header is None:
                raise failure from None
            yield RawInput(first, failure, failure)
            continue
        if row is None:
            return
        if header is None:
            header = row
            _check_header(path, header)
        elif len(row) not in (0, len(header)):
            expected = f"{len(header)} cells, as the header has"
            wrong = DataError(named(path), first, f"{len(row)} cells", expected)
            yield RawInput(first, row, wrong)
        elif row:
            yield RawInput(first, row, dict(zip(header, row, strict=True)))


def _check_header(path: str | Path, header: list[str]) -> None:
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(named(path), 1, header, f'a header without two columns "{twice}"')


def _unreadable(path: str | Path, line: int, error: DataError | csv.Error) -> DataError:
    if isinstance(error, DataError):
        return error
    return DataError(
        named(path), line, str(error), "a row of a table. Is a quotation mark missing?"
    )
