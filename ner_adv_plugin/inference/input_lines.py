"""Lines of inputs: plain text or JSON Lines."""

import codecs
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading.text_encoding import UTF8, decodes, shown

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
        elif not is_text and first.lstrip().startswith("["):
            expected = (
                "JSON Lines, one object a line. The file looks like a JSON array: "
                "`jq -c '.[]' FILE` writes its objects one a line. Is it annotated? Set "
                "--input-format auto"
            )
            raise DataError(named(path), head[-1][0], first, expected)

    for number, line in chain(head, lines):
        if isinstance(line, DataError) or is_text:
            yield RawInput(number, line, line)
        elif not line.strip():
            yield RawInput(number, line, None)
        else:
            yield RawInput(number, line, _object(path, number, line))


def _may_be_text(path: str | Path) -> bool:
    return path == STDIN or Path(path).suffix.lower() == ".txt"


def _object(path: str | Path, number: int, line: str) -> dict[str, Any] | DataError:
    """Parse the JSON object on a line."""
    value = _parsed(line)
    if isinstance(value, dict):
        return value
    expected = f"{EXAMPLE}. Is it plain text? Then let the name of the file end in .txt"
    return DataError(named(path), number, line, expected if value is None else EXAMPLE)


def _parsed(line: str) -> Any:
    """Return the JSON value on a line; None if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
