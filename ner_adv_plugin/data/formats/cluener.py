"""JSON lines of CLUENER2020."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head
from ner_adv_plugin.data.formats.json_file import write_lines
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.span_json import SpanJsonReader
from ner_adv_plugin.data.reading.span_offsets import Ends, Offsets


@CorpusFormat.register("cluener")
@dataclass(kw_only=True)
class CluenerFormat(CorpusFormat):
    """JSON lines of CLUENER2020, read as by `span_json`. Registered as "cluener".

    A record is `{"text": ..., "label": {type: {surface: [[start, end], ...]}}}`; `end` is the
    position of the last character.

    Source: CLUENER2020, Xu et al. 2020.

    # Parameters

    offsets : what positions count: "code_points", which are Python's characters, or "utf-16".
    ends : whether `end` is the position of the last character ("inclusive") or the one after it
        ("exclusive").

    # Raises

    DataError : if a span does not have the given surface.

    # Example

    ```jsonnet
    { type: 'cluener', ends: 'exclusive' }
    ```
    """

    ending = ".json"

    offsets: Offsets = "code_points"
    ends: Ends = "inclusive"

    def read(self, file: CorpusFile) -> Iterable[Instance]:
        """See `CorpusFormat.read`."""
        reader = SpanJsonReader(
            offsets=self.offsets,
            ends=self.ends,
            encoding=file.encoding,
            encoding_errors=file.errors,  # type: ignore[arg-type]
            on_bad_record=file.on_bad_record,
            max_bad_records=file.max_bad_records,
        )
        return reader.sentences(file.path, file.counts)

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        write_lines(path, map(_record, sentences))

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        for record in head.objects:
            label = record.get("label")
            if isinstance(label, dict) and all(isinstance(v, dict) for v in label.values()):
                return '"label" holds {type: {surface: [[start, end]]}}'
        return None


def _record(sentence: Instance) -> dict[str, Any]:
    if sentence.spans is None:
        return {"text": sentence.text}
    label: dict[str, dict[str, list[list[int]]]] = {}
    for start, end, name in sentence.spans:
        surfaces = label.setdefault(name, {})
        surfaces.setdefault(sentence.text[start:end], []).append([start, end - 1])
    return {"text": sentence.text, "label": label}
