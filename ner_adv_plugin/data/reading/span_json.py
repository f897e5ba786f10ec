"""Corpora of one JSON object per line, with entities as spans."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.entity_reader import EntityReader

_LABEL = "{type: {surface: [[start, end], ...]}}"


@DatasetReader.register("span_json")
@dataclass(kw_only=True)
class SpanJsonReader(EntityReader):
    """Reads one JSON object per line, with entities as spans. Registered as "span_json".

    An object is `{"text": ..., "label": {type: {surface: [[start, end], ...]}}}`; other keys are
    ignored. `start` and `end` are the indices of the entity's first and last Python character. If
    no sentence of a file has a "label", the file is unlabelled; otherwise all must have one, which
    is `{}` for a sentence without entities. Blank lines are skipped. Has the parameters of the base
    class.

    Source: CLUENER2020, Xu et al. 2020.

    # Raises

    DataError : if a line is not such an object, or if an entity lies outside the text or does not
        have the given surface.

    # Example

    ```jsonnet
    { type: 'span_json', type_map: { name: 'PER', organization: 'ORG', scene: null } }
    ```

    # Examples

    >>> table = SpanJsonReader().read("fixtures/data/cluener/dev.json")
    >>> [(span.type, table[1].text[span.start : span.end]) for span in table[1].spans]
    [('organization', '雅致能源公司'), ('name', '孟才')]
    """

    def _read(self, file_path: str) -> Iterator[Instance]:
        first_line = 0
        labelled = False
        for number, line in enumerate(self.lines(file_path), start=1):
            if not line.strip():
                continue

            sentence = _Sentence(file_path, number, line)
            has_label = sentence.label is not None
            if not first_line:
                first_line = number
                labelled = has_label
            if has_label != labelled:
                with_label, without = 'a "label"', 'no "label"'
                found, expected = (with_label, without) if has_label else (without, with_label)
                raise sentence.error(found, f"{expected} as in line {first_line}")

            spans = self.map_types(sentence.entities()) if has_label else None
            yield self.text_to_instance(sentence.text, spans, number)


class _Sentence:
    """The checked content of one line; `label` is None if the line has none."""

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
            raise self.error(sentence.get("text"), 'a non-empty string as "text"')
        self.text: str = sentence["text"]
        self.label: Any = sentence.get("label")

    def error(self, found: object, expected: str) -> DataError:
        """Build the error for this line."""
        return DataError(self.file_path, self.number, found, expected)

    def entities(self) -> Iterator[Span]:
        """Yield the entities in the order of the label."""
        for name, surfaces in self._object(self.label, "label").items():
            if not name:
                raise self.error(self.label, "a non-empty type")
            for surface, ranges in self._object(surfaces, name).items():
                if not isinstance(ranges, list):
                    raise self.error({name: {surface: ranges}}, _LABEL)
                for character_range in ranges:
                    yield self._span(name, surface, character_range)

    def _object(self, value: object, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error({key: value}, _LABEL)
        return value

    def _span(self, name: str, surface: str, character_range: Any) -> Span:
        found = {name: {surface: [character_range]}}
        # The exact types are compared because bool is a subclass of int.
        if not isinstance(character_range, list) or list(map(type, character_range)) != [int, int]:
            raise self.error(found, "[start, end] as integers")

        start, last = character_range
        if not 0 <= start <= last < len(self.text):
            expected = f"0 <= start <= end < {len(self.text)}, the length of the text"
            raise self.error(found, expected)
        in_text = self.text[start : last + 1]
        if in_text != surface:
            raise self.error(found, f"the surface {in_text!r}, as in the text")
        return Span(start, last + 1, name)
