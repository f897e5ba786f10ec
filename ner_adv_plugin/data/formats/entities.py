"""JSON lines with entities as objects, such as `allennlp predict` prints."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats.corpus_file import AnyOffsets, CorpusFile, RawSentence, RawSpan
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, RecordFormat
from ner_adv_plugin.data.formats.json_file import objects_in, text_of, write_lines
from ner_adv_plugin.data.instance import Instance

_TEXT = ("text", "sentence")
_TYPE = ("type", "label")


@CorpusFormat.register("entities")
@dataclass(kw_only=True)
class EntitiesFormat(RecordFormat):
    """JSON lines with entities as objects. Registered as "entities".

    A record is `{"text": ..., "entities": [{"start": ..., "end": ..., "type": ..., "text": ...}]}`,
    as `allennlp predict` prints it, with "sentence" for "text" and "label" for "type" if it likes.
    `end` is the position after the last character. The "text" of an entity is optional and must fit
    its position. A record without "entities" is unlabelled.

    # Parameters

    offsets : what positions count: "code_points", "utf-16", or "auto", which is "utf-16" if only
        that fits the texts of all entities.

    # Raises

    DataError : if a span does not fit its text.

    # Example

    ```jsonnet
    { type: 'entities' }
    ```
    """

    offsets: AnyOffsets = "auto"

    def sentence(self, file: CorpusFile, line: int, record: dict[str, Any]) -> RawSentence:
        """See `RecordFormat.sentence`."""
        text = text_of(file, line, record, *_TEXT)
        entities = record.get("entities")
        if entities is not None:
            entities = objects_in(file, line, entities, "entities")
        return RawSentence(line, text, None if entities is None else list(map(_raw, entities)))

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        write_lines(path, map(_record, sentences))

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        lists = 0
        for record in head.objects:
            entities = record.get("entities")
            first = entities[0] if isinstance(entities, list) and entities else None
            if isinstance(first, dict) and {"start", "end"} <= first.keys():
                return '"entities" holds objects with start and end'
            lists += entities == [] and any(key in record for key in _TEXT)
        if lists and lists == len(head.objects):
            return '"entities" is an empty list in all records'
        bare = all(record.keys() & _LABELS == set() for record in head.objects)
        if head.objects and bare and all("text" in record for record in head.objects):
            return 'all records have a "text" and no labels'
        return None


# Keys below which other formats have labels.
_LABELS = {"label", "labels", "entities", "annotations", "completions", "predictions", "spans"} | {
    "result",
    "answer",
    "data",
    "tokens",
    "_input_hash",
    "_task_hash",
}


def _raw(entity: dict[str, Any]) -> RawSpan:
    name = next((entity[key] for key in _TYPE if key in entity), None)
    surface = entity.get("text")
    return RawSpan(
        entity.get("start"), entity.get("end"), name, surface if isinstance(surface, str) else None
    )


def _record(sentence: Instance) -> dict[str, Any]:
    text = sentence.text
    if sentence.spans is None:
        return {"text": text}
    return {
        "text": text,
        "entities": [
            {"start": start, "end": end, "type": name, "text": text[start:end]}
            for start, end, name in sentence.spans
        ],
    }
