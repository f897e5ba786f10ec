"""Corpora of one JSON object a line, entities as spans."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.lines import read_lines

_LABEL = "{type: {surface: [[start, end], ...]}}"


@DatasetReader.register("span_json")
@dataclass(kw_only=True)
class SpanJsonReader(EntityReader):
    """Reads one JSON object a line: `{"text": ..., "label": {type: {surface: [[start, end], ...]}}}`.

    Registered as "span_json". Positions count the Python characters of the text from 0, `end` is the last one's;
    other keys are left alone. Without a "label" in any sentence the file is unlabelled; with one in some sentences only, it
    is an error, for a sentence without entities says `"label": {}`. Lines of white space are skipped. Parameters as in
    the base. Format: CLUENER2020 (Xu et al. 2020).

    Raises `DataError` if a line is no such object, or an entity leaves the text or does not have the stated surface.
    """

    def _read(self, file_path: str) -> Iterator[Instance]:
        first, first_labelled = 0, False
        for number, line in enumerate(read_lines(file_path, self.encoding_errors), start=1):
            if not line.strip():
                continue
            sentence = _Sentence(file_path, number, line)
            first, first_labelled = (
                (first, first_labelled) if first else (number, sentence.label is not None)
            )
            if first_labelled != (sentence.label is not None):
                found, expected = (
                    ('a "label"', 'no "label"')
                    if sentence.label is not None
                    else ('no "label"', 'a "label"')
                )
                raise DataError(file_path, number, found, f"{expected} as in line {first}")
            spans = None if sentence.label is None else self.map_types(sentence.entities())
            yield self.text_to_instance(sentence.text, spans, number)


class _Sentence:
    """One line, checked; `label` is None where it has none."""

    def __init__(self, file_path: str, number: int, line: str) -> None:
        self.file_path = file_path
        self.number = number
        try:
            sentence = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self.error(line, f"a JSON object: {error}") from None
        if not isinstance(sentence, dict):
            raise self.error(line, f'a JSON object: {{"text": ..., "label": {_LABEL}}}')
        if not isinstance(sentence.get("text"), str) or not sentence["text"]:
            raise self.error(sentence.get("text"), 'a "text" of one or more characters')
        self.text: str = sentence["text"]
        self.label: Any = sentence.get("label")

    def error(self, found: object, expected: str) -> DataError:
        """What is wrong with this line."""
        return DataError(self.file_path, self.number, found, expected)

    def entities(self) -> Iterator[Span]:
        """The entities, in the order of the label."""
        for name, surfaces in self._object(self.label, "label").items():
            if not name:
                raise self.error(self.label, "a type that is not empty")
            for surface, places in self._object(surfaces, name).items():
                if not isinstance(places, list):
                    raise self.error({name: {surface: places}}, _LABEL)
                for place in places:
                    yield self._span(name, surface, place)

    def _object(self, value: object, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error({key: value}, _LABEL)
        return value

    def _span(self, name: str, surface: str, place: Any) -> Span:
        found = {name: {surface: [place]}}
        # A bool is an int to Python.
        if not isinstance(place, list) or [type(position) for position in place] != [int, int]:
            raise self.error(found, "[start, end] of whole numbers")
        start, last = place
        if not 0 <= start <= last < len(self.text):
            raise self.error(
                found,
                f"start and end, which counts too, inside the text of {len(self.text)} characters",
            )
        if self.text[start : last + 1] != surface:
            raise self.error(
                found, f"the text's own {self.text[start : last + 1]!r} from {start} to {last}"
            )
        return Span(start, last + 1, name)
