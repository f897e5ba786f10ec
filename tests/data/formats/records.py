"""A sentence with two entities, and files that hold it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats import CorpusFormat
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader

TEXT = "昨天王明去了北京。"
SPANS = [Span(2, 4, "PER"), Span(6, 8, "LOC")]
PAIRS = [[2, 4, "PER"], [6, 8, "LOC"]]


def lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read(tmp_path: Path, content: str | bytes, name: str = "corpus", **settings: Any) -> Any:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    reader = DatasetReader.from_params({"type": "annotations", **settings})
    return reader.read(path)


def region(start: int, end: int, *labels: str, text: str | None = None) -> dict[str, Any]:
    value: dict[str, Any] = {"start": start, "end": end, "labels": list(labels)}
    return {"type": "labels", "value": value if text is None else {**value, "text": text}}


def task(*annotations: dict[str, Any], text: str = TEXT, **others: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"text": text}, "annotations": list(annotations), **others}


TAGS = ["O", "O", "B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O"]
COLUMNS = "".join(f"{c}\t{tag}\n" for c, tag in zip(TEXT, TAGS, strict=True))


def write(name: Any, sentences: Sequence[Instance], tmp_path: Path) -> None:
    CorpusFormat.from_params(name).write(sentences, tmp_path / "out")
