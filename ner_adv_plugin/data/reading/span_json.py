"""Corpora of one JSON object per line, with entities as spans."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.bad_records import BadRecords
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.json_formats import looks_like
from ner_adv_plugin.data.reading.json_records import UnknownKeys
from ner_adv_plugin.data.reading.record_reader import RecordReader
from ner_adv_plugin.data.reading.span_hints import FileHints
from ner_adv_plugin.data.reading.span_offsets import Counting, Ends, Offsets
from ner_adv_plugin.data.reading.span_record import KEYS, Place, SpanRecord, parsed

logger = logging.getLogger(__name__)


@DatasetReader.register("span_json")
@dataclass(kw_only=True)
class SpanJsonReader(EntityReader, RecordReader):
    """Reads one JSON object per line, with entities as spans. Registered as "span_json".

    An object is `{"text": ..., "label": {type: {surface: [[start, end], ...]}}}`. Other keys are
    ignored; except for harmless ones such as "id" and "meta" they are named in a warning. The
    characters from `start` to `end` must be the surface. If no sentence of a file has a "label",
    the file is unlabelled; otherwise all must have one, which is `{}` for a sentence without
    entities. Blank lines are skipped. Has the parameters of the base class.

    Source: CLUENER2020, Xu et al. 2020.

    # Parameters

    offsets : what `start` and `end` count, from 0: "code_points", which are Python's characters, or
        "utf-16", the code units of JavaScript and Java, of which emoji have two.
    ends : whether `end` is the position of the last character ("inclusive") or the one after it
        ("exclusive").

    # Raises

    DataError : if a line is not such an object, or if an entity lies outside the text or does not
        have the given surface. The message says if the file looks like one of another format, or
        if other values of `offsets` and `ends` would fit.

    # Example

    ```jsonnet
    { type: 'span_json', type_map: { name: 'PER', organization: 'ORG', scene: null } }
    ```

    # Examples

    >>> table = SpanJsonReader().read("fixtures/data/cluener/dev.json")
    >>> [(span.type, table[1].text[span.start : span.end]) for span in table[1].spans]
    [('organization', '雅致能源公司'), ('name', '孟才')]
    """

    cacheable = True

    offsets: Offsets = "code_points"
    ends: Ends = "inclusive"
    # For every file, the keys that were found and the hint on its format.
    keys: dict[str, UnknownKeys] = field(default_factory=dict, init=False, repr=False)
    formats: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def why_unlabelled(self, file_path: str) -> str:
        """See `DatasetReader.why_unlabelled`."""
        keys = self.keys.get(file_path)
        if keys is None:
            return ""
        found = f' No record has a "label". Keys found: {keys.found_keys()}.'
        return f"{found}{keys.hint()}{self.formats.get(file_path, '')}"

    def _read_all(self, file_path: str) -> InstanceTable:
        """See `DatasetReader._read_all`; warn if labels may be under another key."""
        table = super()._read_all(file_path)
        if table.spans is None and self.keys[file_path].unknown:
            why = self.why_unlabelled(file_path)
            logger.warning("%s: read as unlabelled.%s", file_path, why)
        return table

    def _read(self, file_path: str) -> Iterator[Instance]:
        lines = {n: line for n, line in enumerate(self.lines(file_path), 1) if line.strip()}
        bad = self.bad_records(file_path, len(lines))
        for record in self._alike(self._records(file_path, lines, bad), bad):
            spans = None if record.spans is None else self.map_types(record.spans)
            yield self.text_to_instance(record.text, spans, record.line)

    def _records(
        self, file_path: str, lines: Mapping[int, str], bad: BadRecords
    ) -> Iterator[SpanRecord]:
        """Yield the records that can be read."""
        counting = Counting(self.offsets, self.ends)
        hints = FileHints(list(lines.values()), counting)
        keys = self.keys[file_path] = UnknownKeys(KEYS)
        self.formats.pop(file_path, None)
        first = next(iter(lines), None)

        for number, line in lines.items():
            place = Place(file_path, number, number == first)
            try:
                value = parsed(line, place, hints)
                if keys.add(value):
                    note = f" ({keys.listed()}), which are ignored"
                    self.count(file_path, "records with unknown keys", number, note=note)
                    if not self.formats.get(file_path):
                        self.formats[file_path] = looks_like(value)
                record = SpanRecord(place, value, counting, hints)
            except DataError as error:
                bad.add(error)
            else:
                yield record

    def _alike(self, records: Iterator[SpanRecord], bad: BadRecords) -> Iterator[SpanRecord]:
        """Yield the records if all or none have a label; otherwise those without are bad."""
        # Records without a label before the first one with a label.
        waiting: list[SpanRecord] = []
        first: SpanRecord | None = None
        for record in records:
            first = first or record
            if record.spans is None and first.spans is None:
                if bad.skips:
                    waiting.append(record)
                else:
                    yield record
                continue

            if first.spans is None:
                if not bad.skips:
                    raise record.error('a "label"', f'no "label" as in line {first.line}')
                first = record
                for other in waiting:
                    bad.add(other.without_label(first.line))
                waiting = []
            if record.spans is None:
                bad.add(record.without_label(first.line))
            else:
                yield record
        yield from waiting
