"""Reading the lines of a corpus file."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from ner_adv_plugin.common.errors import DataError


def read_lines(file_path: str) -> list[str]:
    """The lines of a UTF-8 file without their line breaks, with or without a byte order mark.

    Only LF and CRLF end a line: U+2028, U+0085 and the others that `str.splitlines` breaks at may be
    characters of a text. Raises `DataError` with the line where the bytes are not UTF-8.
    """
    data = Path(file_path).read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(file_path, line, data[error.start : error.end], "UTF-8 text") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines between empty ones, each with the number of its first line, counted from 1."""
    start = 0
    while start < len(lines):
        try:
            end = lines.index("", start)
        except ValueError:
            end = len(lines)
        if end > start:
            yield start + 1, lines[start:end]
        start = end + 1
