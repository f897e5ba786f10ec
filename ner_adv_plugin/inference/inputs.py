"""Files of inputs: JSON Lines or plain text, one input a line."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.data.instance import Instance

TEXT_SUFFIX = ".txt"
EXAMPLE = 'an object such as {"sentence": "..."}'


@dataclass(frozen=True)
class InputLine:
    """One line of a file of inputs.

    # Parameters

    number : 1-based number of the line.
    inputs : its JSON object; empty if the line is blank or not an object.
    instance : the instance to predict; an empty one for a blank line, None if there is an error.
    error : why the line cannot be predicted, with file and line.
    """

    number: int
    inputs: dict[str, Any] = field(default_factory=dict)
    instance: Instance | None = None
    error: UserError | None = None


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str | DataError]]:
    """Yield the lines of a UTF-8 file with 1-based numbers, or an error for a line in another code.

    The file is read lazily. Only LF and CRLF end a line; a byte order mark is dropped.

    # Raises

    DataError : if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                data = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                try:
                    yield number, data.decode("utf-8").removesuffix("\n").removesuffix("\r")
                except UnicodeDecodeError as error:
                    found = data[error.start : error.end]
                    yield number, DataError(path, number, found, "UTF-8 text")
    except OSError as error:
        raise DataError(path, None, str(error), "a readable UTF-8 file") from error


def input_lines(path: str | Path) -> tuple[bool, Iterator[tuple[int, str | DataError]]]:
    """Return whether the lines of a file are plain text, and the lines as `numbered_lines` does.

    A file that ends in `.txt` is plain text, unless its first line that is not blank is a JSON
    object.

    # Raises

    DataError : if the file cannot be read, or is a JSON array.
    """
    lines = numbered_lines(path)
    head: list[tuple[int, str | DataError]] = []
    for number, line in lines:
        head.append((number, line))
        if isinstance(line, DataError) or line.strip():
            break

    number, first = head[-1] if head else (0, "")
    is_text = Path(path).suffix.lower() == TEXT_SUFFIX
    if isinstance(first, str):
        if is_text:
            is_text = not isinstance(_parsed(first), dict)
        elif first.lstrip().startswith("["):
            expected = (
                "JSON Lines, one object a line. The file looks like a JSON array: "
                "`jq -c '.[]' FILE` writes its objects one a line"
            )
            raise DataError(path, number, first, expected)
    return is_text, chain(head, lines)


def parsed_object(path: str | Path, number: int, line: str) -> dict[str, Any]:
    """Parse the JSON object on a line.

    # Raises

    DataError : if the line is not a JSON object.
    """
    value = _parsed(line)
    if not isinstance(value, dict):
        expected = f"{EXAMPLE}. Is it plain text? Then let the name of the file end in .txt"
        raise DataError(path, number, line, expected if value is None else EXAMPLE)
    return value


def _parsed(line: str) -> Any:
    """Return the JSON value on a line; None if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
