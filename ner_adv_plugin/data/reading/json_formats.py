"""Recognition of the annotation tools and formats that a JSON file, or what is none, comes from."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_BRAT = re.compile(r"T\d+\t\S+ \d+ \d+(;\d+ \d+)*\t")
_COLUMNS = re.compile(r"\S+[ \t]+(?:O|[BIMESLU]([-_]\S+)?|\S+-[BIMESLU])")
_CONVERT = 'convert it to lines of {"text": ..., "label": {type: {surface: [[start, end], ...]}}}'
# Number of keys that a message lists, and of characters of each.
SHOWN_KEYS = 8
SHOWN_CHARACTERS = 40
# Beginnings of the names of formats that the reader `annotations` reads.
_READABLE = ("a Label Studio export", "a doccano export", "a Prodigy export", "a Hugging Face data")


def listed(keys: Iterable[str]) -> str:
    r"""List keys in quotation marks, at most 8 of them, each with at most 40 characters.

    Characters that cannot be printed are escaped.

    # Examples

    >>> listed(["text", "a\nb"])
    '"text", "a\\nb"'
    """
    shown = [f'"{repr(key[:SHOWN_CHARACTERS])[1:-1]}"' for key in keys]
    more = len(shown) - SHOWN_KEYS
    return ", ".join(shown[:SHOWN_KEYS]) + (f" and {more} more" if more > 0 else "")


def looks_like(record: Any) -> str:
    """Say which format a record of JSON probably has.

    # Returns

    A sentence that starts with a space; empty if the format is not known.

    # Examples

    >>> looks_like({"text": "王明", "labels": [[0, 2, "PER"]]})[:37]
    ' The file looks like a doccano export'
    >>> looks_like({"text": "王明"})
    ''
    """
    name = _name(record)
    if not name:
        return ""
    if name.startswith(_READABLE):
        return (
            f" The file looks like {name}, which span_json does not read: set type: 'annotations'."
        )
    return f" The file looks like {name}, which span_json does not read: {_CONVERT}."


def file_looks_like(lines: Sequence[str]) -> str:
    """Say which format a file probably has whose first record is no JSON object.

    # Parameters

    lines : all lines of the file.

    # Returns

    A sentence that starts with a space; empty if the format is not known.
    """
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip()[:1] in ("[", "{"):
        return _document(lines)
    if _BRAT.match(first):
        return " The file looks like BRAT annotations (.ann): set type: 'annotations'."
    if _COLUMNS.fullmatch(first.strip()):
        return " The file looks like columns of characters and tags: set type: 'conll'."
    return ""


def _document(lines: Sequence[str]) -> str:
    """Say what a file is that holds one JSON document over several lines."""
    try:
        document = json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return ""

    if isinstance(document, list) and document:
        hint = looks_like(document[0])
        if not hint and isinstance(document[0], dict):
            number = len(document)
            return f" The file is one JSON array of {number} records: write one record per line."
        return hint
    if isinstance(document, dict):
        return f" The file is one JSON object over {len(lines)} lines: write one record per line."
    return ""


def _name(record: Any) -> str:
    """Return the name of a record's format; empty if it is not known."""
    if isinstance(record, list):
        has_entities = len(record) == 2 and _has(record[1], "entities")
        return 'training data of spaCy 2 (pairs of a text and "entities")' if has_entities else ""
    if not isinstance(record, dict):
        return ""

    for key in ("annotations", "completions", "predictions"):
        if _has(_first(record.get(key)), "result"):
            return f'a Label Studio export ("{key}[].result")'
    if _has(_first(record.get("label")), "start", "end", "labels"):
        return 'a Label Studio export (JSON-MIN, "label[].labels")'
    for key in ("label", "labels", "entities", "annotations"):
        if _is_triple(_first(record.get(key))):
            return f'a doccano export ([start, end, type] in "{key}")'
        if _has(_first(record.get(key)), "start_offset", "end_offset"):
            return f'a doccano export (start_offset and end_offset in "{key}")'
    return _name_by_keys(record)


def _name_by_keys(record: Mapping[str, Any]) -> str:
    """Return the name of a format that is known by the keys of its records."""
    for key in ("ner_tags", "tags", "labels", "label"):
        if isinstance(record.get("tokens"), list) and _is_flat(record.get(key)):
            return f'a Hugging Face data set ("tokens" and "{key}")'
    if _has(_first(record.get("spans")), "start", "end", "label"):
        return 'a Prodigy export ("spans")'
    for key in ("label", "labels", "entities"):
        entity = _first(record.get(key))
        if isinstance(entity, dict) and any("start" in name for name in entity):
            return f'a list of entities with the keys {listed(entity)} in "{key}"'
    if _has(record, "prompt", "result_list"):
        return 'data for UIE ("prompt" and "result_list")'
    if _has(record, "data", "id"):
        return 'a Label Studio export ("data")'
    return ""


def _first(value: Any) -> Any:
    """Return the first element of a list; None if there is none."""
    return value[0] if isinstance(value, list) and value else None


def _has(value: Any, *keys: str) -> bool:
    """Whether a value is an object with these keys."""
    return isinstance(value, dict) and all(key in value for key in keys)


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and list(map(type, value)) == [int, int, str]


def _is_flat(value: Any) -> bool:
    """Whether a value is a list of tags or of their indices."""
    return isinstance(value, list) and all(type(tag) in (int, str) for tag in value)
