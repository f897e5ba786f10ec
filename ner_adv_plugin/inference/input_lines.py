"""Lines of inputs: plain text or JSON Lines."""

import codecs
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.formats.auto import recognised
from ner_adv_plugin.data.reading.json_formats import file_looks_like
from ner_adv_plugin.data.reading.text_encoding import UTF8, decodes, shown

logger = logging.getLogger(__name__)

TEXT, JSON_LINES = "txt", "jsonl"
STDIN = "-"
GB = "gb18030"
EXAMPLE = 'an object such as {"sentence": "..."}'


@dataclass(frozen=True)
class RawInput:
    """One input of a file, before a predictor looks at it.

    # Parameters

    number : 1-based number of its line.
    shown : the line as an error shows it.
    value : a text, an object, None for a blank line of JSON Lines, or why it cannot be read.
    """

    number: int
    shown: object
    value: str | dict[str, Any] | DataError | None


def numbered_lines(path: str | Path, encoding: str = UTF8) -> Iterator[tuple[int, str | DataError]]:
    """Yield the lines of a file with 1-based numbers, or an error for a line in another code.

    The file is read lazily. Only LF and CRLF end a line; a byte order mark is dropped.

    # Parameters

    path : the file, or `-` for stdin.
    encoding : Python's name of an encoding in which a line break is one byte.

    # Raises

    DataError : if the file cannot be read.
    """
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                data = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                try:
                    yield number, data.decode(encoding).removesuffix("\n").removesuffix("\r")
                except UnicodeDecodeError as error:
                    found = data[error.start : error.end]
                    may_be_gb = encoding == UTF8 and decodes(data, GB)
                    hint = f". Is it {shown(GB)}?" if may_be_gb else ""
                    expected = f"{shown(encoding)} text{hint}"
                    yield number, DataError(named(path), number, found, expected)
    except OSError as error:
        expected = f"a readable {shown(encoding)} file"
        raise DataError(named(path), None, str(error), expected) from error


def named(path: str | Path) -> str:
    """Return a path as messages show it."""
    return "stdin" if path == STDIN else str(path)


def _opened(path: str | Path) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if path == STDIN else open(path, "rb")


def text_or_objects(path: str | Path, name: str | None, encoding: str) -> Iterator[RawInput]:
    """Yield the inputs of plain text or JSON Lines.

    # Parameters

    path, encoding : see `numbered_lines`.
    name : "txt" or "jsonl"; None for plain text if the file ends in `.txt`, or is stdin, and does
        not begin with a JSON object.

    # Raises

    DataError : if the file cannot be read, or is a JSON array.
    """
    lines = numbered_lines(path, encoding)
    head: list[tuple[int, str | DataError]] = []
    for number, line in lines:
        head.append((number, line))
        if isinstance(line, DataError) or line.strip():
            break

    first = head[-1][1] if head else ""
    is_text = name == TEXT or (name is None and _may_be_text(path))
    if isinstance(first, str):
        if name is None and is_text:
            is_text = not isinstance(_parsed(first), dict)
            _warn_of_columns(path, first)
        elif not is_text and first.lstrip().startswith("["):
            expected = (
                "JSON Lines, one object a line. The file looks like a JSON array: "
                "`jq -c '.[]' FILE` writes its objects one a line. Is it annotated? Set "
                "--input-format auto"
            )
            raise DataError(named(path), head[-1][0], first, expected)

    are_objects = isinstance(first, str) and isinstance(_parsed(first), dict)
    hint = "" if is_text or are_objects else _hint(path)
    for number, line in chain(head, lines):
        if isinstance(line, DataError) or is_text:
            yield RawInput(number, line, line)
        elif not line.strip():
            yield RawInput(number, line, None)
        else:
            yield RawInput(number, line, _object(path, number, line, hint))


def _may_be_text(path: str | Path) -> bool:
    return path == STDIN or Path(path).suffix.lower() == ".txt"


def _warn_of_columns(path: str | Path, first: str) -> None:
    """Warn of plain text that is columns of characters and tags, as far as the first line tells."""
    found = _annotated(path) if file_looks_like([first]) else None
    if found is not None:
        name, reason = found
        message = "%s: every line is predicted as a text. Is it %s (%s)? Set --input-format %s"
        logger.warning(message, named(path), name, reason, name)


def _hint(path: str | Path) -> str:
    """Return what a file probably is whose first line is no JSON object."""
    found = _annotated(path)
    if found is None:
        return "Is it plain text? Then let the name of the file end in .txt"
    name, reason = found
    return f"Is it {name} ({reason})? Set --input-format {name}"


def _annotated(path: str | Path) -> tuple[str, str] | None:
    """Return the format of an annotated file and why it was recognised; None if it is none."""
    try:
        return None if path == STDIN else recognised(str(path))
    except DataError:
        return None


def _object(path: str | Path, number: int, line: str, hint: str) -> dict[str, Any] | DataError:
    """Parse the JSON object on a line; `hint` says what a file without any may be."""
    value = _parsed(line)
    if isinstance(value, dict):
        return value
    expected = f"{EXAMPLE}. {hint}" if value is None and hint else EXAMPLE
    return DataError(named(path), number, line, expected)


def _parsed(line: str) -> Any:
    """Return the JSON value on a line; None if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
