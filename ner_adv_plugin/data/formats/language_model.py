"""Answers of language models: entities without positions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, refused
from ner_adv_plugin.data.formats.json_file import objects, objects_in, text_of, write_lines
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span

_TEXT = ("text", "sentence")
_SURFACE = ("text", "name", "entity", "span", "surface", "word")
_TYPE = ("type", "label", "entity_type")
_POSITIONS = {"start", "end", "start_offset", "end_offset"}

Occurrences = Literal["all", "in_order"]


@CorpusFormat.register("language_model")
@dataclass(kw_only=True)
class LanguageModelFormat(CorpusFormat):
    """Answers of language models, without positions. Registered as "language_model".

    A record is `{"text": ..., "entities": [{"text": ..., "type": ...}]}`. Each entity is looked for
    in the text: a longer one claims its characters before a shorter one. What does not occur is
    left out and counted, and so is an entity whose occurrences all lie inside longer ones. A record
    without "entities" is unlabelled.

    A model overlooks entities: consider `annotated_types` of the reader, or hand correction.

    # Parameters

    occurrences : "all" marks every occurrence of an entity's text; "in_order" marks one for each
        entity, the first after the one before it in the list, or else the first free one.
    not_found : what is left out if an entity does not occur in the text: the "entity" alone, or the
        whole "sentence", as the rest of the answer may be wrong as well.

    # Raises

    DataError : if a record has no text, or an entity no text or type.

    # Example

    ```jsonnet
    { type: 'language_model', occurrences: 'in_order' }
    ```
    """

    occurrences: Occurrences = "all"
    not_found: Literal["entity", "sentence"] = "entity"

    def read(self, file: CorpusFile) -> Iterator[Instance]:
        """See `CorpusFormat.read`."""
        for line, record in objects(file):
            sentence = file.bad.attempt(self._sentence, file, line, record)
            if sentence is not None:
                yield sentence

    def _sentence(self, file: CorpusFile, line: int, record: dict[str, Any]) -> Instance | None:
        """Return the sentence of a record; None if it is left out, which is counted."""
        text = text_of(file, line, record, *_TEXT)
        if not text:
            file.counts.add("empty texts skipped", line)
            return None
        if record.get("entities") is None:
            return Instance(text, None, {"line": line})

        mentions = [
            _mention(file, line, entity)
            for entity in objects_in(file, line, record["entities"], "entities")
        ]
        spans, missing = anchored(text, mentions, self.occurrences)
        if missing:
            note = f' (the first: "{missing[0][0]}")'
            file.counts.add("entities not found in their texts", line, len(missing), note)
        if missing and self.not_found == "sentence":
            file.counts.add("sentences left out", line)
            return None
        return Instance(text, spans, {"line": line})

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`; positions that would not be found again are refused."""
        numbered = enumerate(sentences, 1)
        write_lines(path, (self._record(number, sentence) for number, sentence in numbered))

    def _record(self, number: int, sentence: Instance) -> dict[str, Any]:
        text = sentence.text
        if sentence.spans is None:
            return {"text": text}
        spans = sorted(set(sentence.spans))
        mentions = [(text[start:end], name) for start, end, name in spans]
        if self.occurrences == "all":
            mentions = list(dict.fromkeys(mentions))
        if anchored(text, mentions, self.occurrences) != (spans, []):
            why = "its entities would not be found again at their positions"
            raise refused(number, sentence, why)
        return {"text": text, "entities": [{"text": t, "type": name} for t, name in mentions]}

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        for record in head.objects:
            entities = record.get("entities")
            first = entities[0] if isinstance(entities, list) and entities else None
            if not isinstance(first, dict) or first.keys() & _POSITIONS:
                continue
            if any(key in first for key in _SURFACE) and any(key in first for key in _TYPE):
                return '"entities" holds texts and types without positions'
        return None


def anchored(
    text: str, mentions: Sequence[tuple[str, str]], occurrences: Occurrences = "all"
) -> tuple[list[Span], list[tuple[str, str]]]:
    """Find the positions of entities in a text.

    # Parameters

    text : the text.
    mentions : text and type of each entity.
    occurrences : see `LanguageModelFormat`.

    # Returns

    The spans, sorted, without overlaps; and the entities that have none.

    # Examples

    >>> anchored("王明见王明明", [("王明", "PER"), ("王明明", "PER"), ("李雷", "PER")])[0]
    [Span(start=0, end=2, type='PER'), Span(start=3, end=6, type='PER')]
    """
    if occurrences == "in_order":
        return _in_order(text, mentions)

    taken = bytearray(len(text))
    spans: list[Span] = []
    found: set[tuple[str, str]] = set()
    # Of several types of one text the first in the list counts.
    for surface, name in sorted(dict.fromkeys(mentions), key=lambda mention: -len(mention[0])):
        for match in re.finditer(re.escape(surface), text) if surface else ():
            start, end = match.span()
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                spans.append(Span(start, end, name))
                found.add((surface, name))
    return sorted(spans), [mention for mention in mentions if mention not in found]


def _in_order(
    text: str, mentions: Sequence[tuple[str, str]]
) -> tuple[list[Span], list[tuple[str, str]]]:
    """Give each entity one free occurrence: after the last one, or else the first."""
    taken = bytearray(len(text))
    spans: list[Span] = []
    missing = []
    position = 0
    for surface, name in mentions:
        starts = [
            start
            for start in range(len(text) - len(surface) + 1)
            if surface and text.startswith(surface, start)
            if not any(taken[start : start + len(surface)])
        ]
        start = next((start for start in starts if start >= position), starts[0] if starts else -1)
        if start < 0:
            missing.append((surface, name))
            continue
        position = start + len(surface)
        taken[start:position] = b"\1" * len(surface)
        spans.append(Span(start, position, name))
    return sorted(spans), missing


def _mention(file: CorpusFile, line: int, entity: Mapping[str, Any]) -> tuple[str, str]:
    surface = next((entity[key] for key in _SURFACE if key in entity), None)
    name = next((entity[key] for key in _TYPE if key in entity), None)
    if not isinstance(surface, str) or not isinstance(name, str) or not name:
        raise file.error(line, dict(entity), 'an entity with "text" and "type"')
    return surface, name
