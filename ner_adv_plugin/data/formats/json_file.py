"""Records of JSON files: one per line, one after the other, or the elements of one array."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.reading.json_formats import listed
from ner_adv_plugin.data.reading.json_records import unique_keys

_DECODER = json.JSONDecoder(object_pairs_hook=unique_keys)
_BETWEEN = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")


def records(
    text: str, path: str, on_error: Callable[[DataError], None] | None = None
) -> Iterator[tuple[int, Any]]:
    """Yield the records of a file with the line on which each begins.

    # Parameters

    text : its content.
    path : its path, for error messages.
    on_error : called with the error of a line that is not JSON, which is then skipped, if each
        record before it is a line of its own; None raises the error.

    # Raises

    DataError : with the line, if it is not JSON.
    """
    position = _SPACE.match(text).end()  # type: ignore[union-attr]
    in_array = text.startswith("[", position)
    position += in_array
    between = _BETWEEN if in_array else _SPACE
    line, counted = 1, 0
    in_lines = not in_array
    while True:
        position = between.match(text, position).end()  # type: ignore[union-attr]
        if position == len(text) or (in_array and text[position] == "]"):
            break
        line += text.count("\n", counted, position)
        counted = position
        in_lines = in_lines and not text[text.rfind("\n", 0, position) + 1 : position].strip()
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            data_error = _error(text, path, line, position, error)
            if on_error is None or not in_lines:
                raise data_error from None
            on_error(data_error)
            position = (text.find("\n", position) + 1) or len(text)
            continue
        yield line, value
        in_lines = in_lines and "\n" not in text[position:end]
        position = end
    _check_end(text, path, position, in_array)


def _error(
    text: str, path: str, line: int, position: int, error: ValueError | RecursionError
) -> DataError:
    """Return the error for the record that begins at a position, on a line."""
    at, reason = position, str(error)
    if isinstance(error, json.JSONDecodeError):
        at, reason = error.pos, error.msg
        line += text.count("\n", position, at)
    return DataError(path, line, text[max(at - 20, 0) : at + 20], f"JSON: {reason}")


def objects(file: CorpusFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file with the line on which each begins.

    If bad records are skipped, so are lines that are no objects.

    # Raises

    DataError : if it is not JSON, or if a record is no object.
    """
    text = file.text()
    found = records(text, file.path)
    if file.bad.skips:
        errors: list[DataError] = []
        held = list(records(text, file.path, errors.append))
        file.bad.total = len(held) + len(errors)
        for error in errors:
            file.bad.add(error)
        found = iter(held)

    for line, value in found:
        record = file.bad.attempt(_object, file, line, value)
        if record is not None:
            yield line, record


def _object(file: CorpusFile, line: int, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise file.error(line, value, "a JSON object")
    return value


def text_of(file: CorpusFile, line: int, record: Mapping[str, Any], *keys: str) -> str:
    """Return the text of a record.

    # Parameters

    file, line : place of the record.
    record : the record.
    keys : keys that may hold the text, the first that is there counts.
    """
    for key in keys:
        if key in record:
            if not isinstance(record[key], str):
                raise file.error(line, record[key], f'a string as "{key}"')
            return str(record[key])
    found = f"the keys {listed(record)}" if record else "an empty object"
    raise file.error(line, found, " or ".join(f'"{key}"' for key in keys) + " with the text")


def objects_in(file: CorpusFile, line: int, value: Any, key: str) -> list[dict[str, Any]]:
    """Return the objects of a list below a key.

    # Raises

    DataError : if it is not a list of objects.
    """
    if not isinstance(value, list):
        raise file.error(line, {key: value}, f'a list as "{key}"')
    for item in value:
        if not isinstance(item, dict):
            raise file.error(line, item, f'objects in "{key}"')
    return value


def dumped(value: Any, indent: int | None = None) -> str:
    """Return JSON in which only halves of surrogate pairs are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def write_lines(path: Path, values: Iterator[Any]) -> None:
    """Write one JSON value per line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for value in values:
            file.write(dumped(value) + "\n")


def _check_end(text: str, path: str, position: int, in_array: bool) -> None:
    rest = text[position:].strip()
    if in_array and rest != "]":
        line = text.count("\n") + 1
        raise DataError(path, line, rest[:40] or "the end of the file", 'a single JSON array: "]"')
