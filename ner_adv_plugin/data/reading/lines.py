"""Reading the lines of a corpus file."""

import codecs
import logging
from collections.abc import Iterator

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import local_path

logger = logging.getLogger(__name__)

_UTF8 = "UTF-8 text (or set encoding_errors)"


def read_text(file_path: str, errors: str = "strict") -> str:
    """The text of a UTF-8 file with LF at the end of its lines, with or without a byte order mark; it may be a URL.

    # Parameters

    file_path : a path or a URL.
    errors : Python's name of what to do with bytes that are not UTF-8; what it touched is logged.

    Raises `DataError` with the line where the bytes are not UTF-8 and `errors` is "strict".
    """
    data = local_path(file_path).read_bytes().removeprefix(codecs.BOM_UTF8)
    text, touched = decode(data, errors, file_path)
    say_touched(file_path, touched, errors)
    return text.replace("\r\n", "\n")


def read_lines(file_path: str, errors: str = "strict") -> list[str]:
    """The lines of a UTF-8 file without their line breaks; parameters and errors as in `read_text`.

    Only LF and CRLF end a line: U+2028, U+0085 and the others that `str.splitlines` breaks at may be
    characters of a text.
    """
    lines = read_text(file_path, errors).split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def decode(data: bytes, errors: str, file_path: str, first_line: int = 1) -> tuple[str, list[int]]:
    """The text of some lines of a file, and the numbers of those with bytes that are not UTF-8.

    # Parameters

    data : the lines, whole.
    errors : Python's name of what to do with bytes that are not UTF-8.
    file_path : for messages.
    first_line : the number of the first line.

    Raises `DataError` as `read_text` does.
    """
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        lines, touched = [], []
    for number, line in enumerate(data.split(b"\n"), start=first_line):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            if errors == "strict":
                raise DataError(file_path, number, line[error.start : error.end], _UTF8) from None
            lines.append(line.decode("utf-8", errors))
            touched.append(number)
    return "\n".join(lines), touched


def say_touched(file_path: str, touched: list[int], errors: str) -> None:
    """Log which lines of a file `decode` touched, where there are any."""
    if touched:
        message = '%s: %d lines hold bytes that are not UTF-8, the first is line %d: read with encoding_errors "%s"'
        logger.warning(message, file_path, len(touched), touched[0], errors)


def blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines between empty ones, each with the number of its first line, counted from 1."""
    start, number = 0, 1
    while start < len(text):
        if text[start] == "\n":
            start, number = start + 1, number + 1
            continue
        end = text.find("\n\n", start)
        end = len(text) if end < 0 else end
        lines = text[start:end].removesuffix("\n").split("\n")
        yield number, lines
        start, number = end + 1, number + len(lines)
