"""Exports of doccano."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats.corpus_file import AnyOffsets, CorpusFile, RawSentence, RawSpan
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, RecordFormat
from ner_adv_plugin.data.formats.json_file import text_of, write_lines
from ner_adv_plugin.data.instance import Instance

# Keys that hold the spans, by version of doccano; the first that is there counts.
_SPANS = ("label", "labels", "entities", "annotations")


@CorpusFormat.register("doccano")
@dataclass(kw_only=True)
class DoccanoFormat(RecordFormat):
    """JSON lines of doccano. Registered as "doccano".

    A record is `{"text": ..., "label": [[start, end, type], ...]}` (also "labels" and "entities"),
    or the form with relations: `{"text": ..., "entities": [{"label": type, "start_offset": ...,
    "end_offset": ...}], "relations": [...]}`. `end` is the position after the last character.
    Relations and other keys are ignored. A record without any of these keys is unlabelled.

    Source: https://github.com/doccano/doccano.

    # Parameters

    offsets : what positions count: "code_points", which are Python's characters, or "utf-16", the
        code units of JavaScript, of which emoji have two.

    # Raises

    DataError : if a span does not fit its text.

    # Example

    ```jsonnet
    { type: 'doccano', offsets: 'utf-16' }
    ```
    """

    offsets: AnyOffsets = "code_points"

    def sentence(self, file: CorpusFile, line: int, record: dict[str, Any]) -> RawSentence:
        """See `RecordFormat.sentence`."""
        text = text_of(file, line, record, "text", "data")
        key = next((key for key in _SPANS if record.get(key) is not None), None)
        spans = None if key is None else self._spans(file, line, key, record[key])
        if record.get("relations"):
            file.counts.add("relations left out", line, len(record["relations"]))
        return RawSentence(line, text, spans)

    def _spans(self, file: CorpusFile, line: int, key: str, value: Any) -> list[RawSpan]:
        if not isinstance(value, list):
            raise file.error(line, {key: value}, f'[[start, end, type], ...] as "{key}"')
        spans = []
        for item in value:
            if isinstance(item, list) and len(item) == 3:
                spans.append(RawSpan(*item))
            elif isinstance(item, dict) and {"start_offset", "end_offset", "label"} <= item.keys():
                span = RawSpan(item["start_offset"], item["end_offset"], item["label"])
                spans.append(span)
            else:
                expected = f'[start, end, type] in "{key}", or start_offset, end_offset and label'
                raise file.error(line, item, expected)
        return spans

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        write_lines(path, (_record(*numbered) for numbered in enumerate(sentences, 1)))

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        lists = 0
        for record in head.objects:
            for key in _SPANS:
                value = record.get(key)
                first = value[0] if isinstance(value, list) and value else None
                if isinstance(first, list) and list(map(type, first)) == [int, int, str]:
                    return f'"{key}" holds [start, end, type]'
                if isinstance(first, dict) and "start_offset" in first:
                    return f'"{key}" holds start_offset and end_offset'
                lists += "text" in record and key in ("label", "labels") and value == []
        if lists and lists == len(head.objects):
            return '"label" is an empty list in all records'
        return None


def _record(number: int, sentence: Instance) -> dict[str, Any]:
    record: dict[str, Any] = {"id": number, "text": sentence.text}
    if sentence.spans is not None:
        record["label"] = [list(span) for span in sentence.spans]
    return record
