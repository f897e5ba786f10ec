"""Data of Prodigy."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats.corpus_file import AnyOffsets, CorpusFile, RawSentence, RawSpan
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, RecordFormat
from ner_adv_plugin.data.formats.json_file import objects_in, text_of, write_lines
from ner_adv_plugin.data.instance import Instance


@CorpusFormat.register("prodigy")
@dataclass(kw_only=True)
class ProdigyFormat(RecordFormat):
    """JSON lines of Prodigy. Registered as "prodigy".

    A record is `{"text": ..., "spans": [{"start": ..., "end": ..., "label": type}], "answer":
    "accept"}`. `end` is the position after the last character. Records whose answer is "reject" or
    "ignore" are left out and counted. A record with neither "spans" nor "answer" is unlabelled.

    Source: https://prodi.gy/docs/api-interfaces.

    # Parameters

    offsets : what positions count: "code_points", which are Python's characters, or "utf-16".

    # Raises

    DataError : if a span does not fit its text.

    # Example

    ```jsonnet
    { type: 'prodigy' }
    ```
    """

    offsets: AnyOffsets = "code_points"

    def sentence(self, file: CorpusFile, line: int, record: dict[str, Any]) -> RawSentence | None:
        """See `RecordFormat.sentence`."""
        answer = record.get("answer", "accept")
        if answer != "accept":
            file.counts.add("records not accepted left out", line)
            return None
        text = text_of(file, line, record, "text")
        return RawSentence(line, text, self._spans(file, line, record))

    def _spans(self, file: CorpusFile, line: int, record: dict[str, Any]) -> list[RawSpan] | None:
        if record.get("spans") is None:
            return [] if "answer" in record else None
        return [
            RawSpan(span.get("start"), span.get("end"), span.get("label"))
            for span in objects_in(file, line, record["spans"], "spans")
        ]

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        write_lines(path, map(_record, sentences))

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        for record in head.objects:
            spans = record.get("spans")
            first = spans[0] if isinstance(spans, list) and spans else None
            if isinstance(first, dict) and {"start", "end", "label"} <= first.keys():
                return '"spans" holds start, end and label'
            if "text" in record and ("_input_hash" in record or "_task_hash" in record):
                return 'records have "_input_hash"'
            if "text" in record and spans == [] and "answer" in record:
                return 'records have "spans" and "answer"'
        return None


def _record(sentence: Instance) -> dict[str, Any]:
    if sentence.spans is None:
        return {"text": sentence.text}
    spans = [{"start": start, "end": end, "label": name} for start, end, name in sentence.spans]
    return {"text": sentence.text, "spans": spans, "answer": "accept"}
