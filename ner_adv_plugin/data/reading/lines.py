"""Reading the lines of a corpus file."""

import codecs
import logging
from collections.abc import Iterator

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import local_path

logger = logging.getLogger(__name__)

_UTF8 = "UTF-8 text (or set encoding_errors)"


def read_text(file_path: str, errors: str = "strict") -> str:
    """Read a UTF-8 file with or without a byte order mark, and convert its line breaks to LF.

    # Parameters

    file_path : a path or a URL.
    errors : Python's name of the error handler for bytes that are not UTF-8; affected lines are
        logged.

    # Raises

    DataError : with the line number, if bytes are not UTF-8 and `errors` is "strict".
    """
    data = local_path(file_path).read_bytes().removeprefix(codecs.BOM_UTF8)
    text, undecodable = decode(data, errors, file_path)
    log_undecodable(file_path, undecodable, errors)
    return text.replace("\r\n", "\n")


def read_lines(file_path: str, errors: str = "strict") -> list[str]:
    """Read the lines of a UTF-8 file without their line breaks.

    Only LF and CRLF end a line: U+2028, U+0085 and the other characters at which `str.splitlines`
    splits may be part of a text.

    # Parameters

    file_path : see `read_text`.
    errors : see `read_text`.

    # Raises

    DataError : see `read_text`.
    """
    lines = read_text(file_path, errors).split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def decode(data: bytes, errors: str, file_path: str, first_line: int = 1) -> tuple[str, list[int]]:
    """Decode whole lines of a file.

    # Parameters

    data : the bytes of the lines.
    errors : Python's name of the error handler for bytes that are not UTF-8.
    file_path : path of the file, for error messages.
    first_line : number of the first line.

    # Returns

    The text, and the numbers of the lines with bytes that are not UTF-8.

    # Raises

    DataError : see `read_text`.
    """
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        lines: list[str] = []
        undecodable: list[int] = []

    for number, line in enumerate(data.split(b"\n"), start=first_line):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            if errors == "strict":
                raise DataError(file_path, number, line[error.start : error.end], _UTF8) from None
            lines.append(line.decode("utf-8", errors))
            undecodable.append(number)
    return "\n".join(lines), undecodable


def log_undecodable(file_path: str, undecodable: list[int], errors: str) -> None:
    """Log a warning about the lines of a file that are not UTF-8, if there are any.

    # Parameters

    file_path : path of the file.
    undecodable : line numbers returned by `decode`.
    errors : name of the error handler that was used.
    """
    if undecodable:
        message = (
            "%s: %d lines hold bytes that are not UTF-8, the first is line %d: "
            'decoded with encoding_errors "%s"'
        )
        logger.warning(message, file_path, len(undecodable), undecodable[0], errors)


def blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each block of consecutive non-empty lines with the 1-based number of its first line."""
    start = 0
    number = 1
    while start < len(text):
        if text[start] == "\n":
            start += 1
            number += 1
            continue

        end = text.find("\n\n", start)
        end = len(text) if end < 0 else end
        lines = text[start:end].removesuffix("\n").split("\n")
        yield number, lines

        start = end + 1
        number += len(lines)
