"""One record of a file in the format of `span_json`."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.json_formats import listed
from ner_adv_plugin.data.reading.json_records import parse
from ner_adv_plugin.data.reading.span_hints import FileHints
from ner_adv_plugin.data.reading.span_offsets import Counting

LABEL = "{type: {surface: [[start, end], ...]}}"
KEYS = ("text", "label")


class Place(NamedTuple):
    """The position of a record.

    # Parameters

    file_path, line : the file and the number of the line.
    is_first : whether it is the first record of the file.
    """

    file_path: str
    line: int
    is_first: bool

    def error(self, found: object, expected: str, hint: str = "") -> DataError:
        """Build the error for this line.

        # Parameters

        found, expected : see `DataError`.
        hint : a sentence that starts with a space, or the empty string.
        """
        expected = f"{expected}.{hint.removesuffix('.')}" if hint else expected
        return DataError(self.file_path, self.line, found, expected)


def parsed(line: str, place: Place, hints: FileHints) -> dict[str, Any]:
    """Parse the JSON object of a line.

    # Raises

    DataError : if it is none.
    """
    try:
        value = parse(line)
    except ValueError as error:
        hint = hints.format_of_file() if place.is_first else ""
        raise place.error(line, f"a JSON object: {error}", hint) from None

    if not isinstance(value, dict):
        hint = hints.format_of(value) or (hints.format_of_file() if place.is_first else "")
        raise place.error(line, f'a JSON object: {{"text": ..., "label": {LABEL}}}', hint)
    return value


class SpanRecord:
    """The checked content of one line.

    # Parameters

    place : file and line.
    value : its JSON object.
    counting : how positions are counted.
    hints : hints on the format of the file.

    # Attributes

    line : number of the line.
    text : the text, unchanged.
    spans : the entities in the order of the label; None without a label.

    # Raises

    DataError : if the object has no text, or if its label does not fit.
    """

    def __init__(
        self, place: Place, value: Mapping[str, Any], counting: Counting, hints: FileHints
    ) -> None:
        self._place = place
        self._value = value
        self._counting = counting
        self._hints = hints

        self.line = place.line
        text = value.get("text")
        if not isinstance(text, str) or not text:
            hint = self._keys_found() + hints.format_of(value)
            raise place.error(text, 'a non-empty string as "text"', hint)
        self.text = text
        label = value.get("label")
        self.spans = None if label is None else list(self._entities(label))

    def error(self, found: object, expected: str, hint: str = "") -> DataError:
        """Build the error for this line; see `Place.error`."""
        return self._place.error(found, expected, hint)

    def without_label(self, labelled_line: int) -> DataError:
        """Build the error for a record without a label in a file with labels.

        # Parameters

        labelled_line : number of a line with a label.
        """
        expected = f'a "label" as in line {labelled_line}'
        return self.error('no "label"', expected, self._keys_found())

    def _entities(self, label: Any) -> Iterator[Span]:
        for name, surfaces in self._object(label, "label").items():
            if not name:
                raise self.error(label, "a non-empty type")
            for surface, ranges in self._object(surfaces, name).items():
                if not isinstance(ranges, list):
                    raise self.error({name: {surface: ranges}}, LABEL)
                for character_range in ranges:
                    yield self._span(name, surface, character_range)

    def _object(self, value: object, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error({key: value}, LABEL, self._hints.format_of(self._value))
        return value

    def _span(self, name: str, surface: str, character_range: Any) -> Span:
        found = {name: {surface: [character_range]}}
        # The exact types are compared because bool is a subclass of int.
        if not isinstance(character_range, list) or list(map(type, character_range)) != [int, int]:
            raise self.error(found, "[start, end] as integers")

        characters = self._counting.characters(self.text, *character_range)
        if characters is None:
            expected = self._counting.expected(self.text)
            raise self.error(found, expected, self._hints.counting)
        start, end = characters
        in_text = self.text[start:end]
        if in_text != surface:
            expected = f"the surface {in_text!r}, as in the text"
            raise self.error(found, expected, self._hints.counting)
        return Span(start, end, name)

    def _keys_found(self) -> str:
        """Name the keys of the object if it has others than it should have."""
        if not set(self._value) - set(KEYS):
            return ""
        return f" Keys found: {listed(self._value)}."
