"""Tables of corpora, and what their readers keep of them, as arrays and a JSON value."""

import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.instance_table import Columns, InstanceTable
from ner_adv_plugin.data.reading.reading_counts import Count, ReadingCounts
from ner_adv_plugin.data.reading.texts import HeldTexts

PACKAGE = __name__.partition(".")[0]


@contextlib.contextmanager
def collected_messages() -> Iterator[list[list[Any]]]:
    """Collect what this package logs, as logger, level and text."""
    found: list[list[Any]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append([record.name, record.levelno, record.getMessage()])

    handler = Collector()
    logging.getLogger(PACKAGE).addHandler(handler)
    try:
        yield found
    finally:
        logging.getLogger(PACKAGE).removeHandler(handler)


def stored(
    reader: DatasetReader, path: str, table: InstanceTable, messages: list[list[Any]]
) -> tuple[dict[str, NDArray[Any]], Any] | None:
    """Return the arrays and the JSON value of a table; None if it is not cached."""
    columns = table.columns
    spans, texts = columns.spans, columns.texts
    if spans is None or not spans.labelled:
        return None
    if not isinstance(texts, HeldTexts) or not table.is_whole:
        return None

    metadata = [[index, dict(own)] for index, own in (columns.metadata or {}).items()]
    meta = {
        "types": list(spans.types),
        "metadata": metadata,
        "messages": messages,
        "counts": [[what, asdict(own)] for what, own in reader.counts_of(path).counts.items()],
        "repaired": reader.repaired.get(path),
        "illegal": [list(pair) for pair in reader.illegal_sentences.get(path, {}).items()],
        "types_met": sorted(getattr(reader, "types_met", ())),
    }
    try:
        if json.loads(json.dumps(meta)) != meta:
            return None
    except (TypeError, ValueError):
        return None
    text = np.frombuffer(texts.text.encode("utf-8", "surrogatepass"), np.uint8)
    return {
        "text": text,
        "lengths": texts.lengths,
        "lines": columns.lines,
        "starts": spans.starts_S,
        "ends": spans.ends_S,
        "type_ids": spans.types_S,
        "counts": spans.counts_R,
    }, meta


def columns_of(arrays: dict[str, NDArray[Any]], meta: Any, path: str) -> Columns:
    """Return the columns of a stored table.

    # Parameters

    arrays, meta : from `stored`.
    path : the file that the table was read from.
    """
    text = arrays["text"].tobytes().decode("utf-8", "surrogatepass")
    spans = SpanTable(
        meta["types"], arrays["starts"], arrays["ends"], arrays["type_ids"], arrays["counts"]
    )
    metadata = {index: own for index, own in meta["metadata"]}
    return Columns(HeldTexts(text, arrays["lengths"]), arrays["lines"], spans, metadata, path)


def restore(reader: DatasetReader, path: str, meta: Any) -> None:
    """Set what a reader keeps of a file that it has read, and log what it logged."""
    counts = {what: Count(**own) for what, own in meta["counts"]}
    reader.counts[path] = ReadingCounts(counts)
    if meta["repaired"] is not None:
        reader.repaired[path] = meta["repaired"]
        reader.illegal_sentences[path] = {line: number for line, number in meta["illegal"]}
    if hasattr(reader, "types_met"):
        reader.types_met = set(meta["types_met"])
    for name, level, message in meta["messages"]:
        logging.getLogger(name).log(level, "%s", message)
