"""JSON exports of Label Studio."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ner_adv_plugin.data.formats.corpus_file import AnyOffsets, CorpusFile, RawSentence, RawSpan
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, RecordFormat
from ner_adv_plugin.data.formats.json_file import dumped, objects_in
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.json_formats import listed

# Keys of a task that hold annotations; older versions had "completions".
_ANNOTATIONS = ("annotations", "completions")


@CorpusFormat.register("label_studio")
@dataclass(kw_only=True)
class LabelStudioFormat(RecordFormat):
    """JSON export of Label Studio. Registered as "label_studio".

    A task is `{"data": {"text": ...}, "annotations": [{"result": [{"value": {"start": ..., "end":
    ..., "text": ..., "labels": [type]}}]}]}`; "completions" of older versions and JSON-MIN, with
    `"label": [{"start": ..., "end": ..., "labels": [...]}]`, are read as well. `end` is the
    position after the last character. Cancelled annotations are left out and counted. Of several
    annotations of a task the one marked as ground truth is read, or else the last. A task that
    nobody has annotated is unlabelled. Results that are not labels (choices, relations) are left
    out and counted. A region with several labels is several spans.

    Source: https://labelstud.io/guide/export.

    # Parameters

    text_key : key of the text in "data"; null for "text", or else the only string.
    predictions : "ignore" reads annotations only, "use" also reads the last prediction of a task
        that has no annotation.
    offsets : what positions count: "code_points", "utf-16", or "auto", which is "utf-16" if only
        that fits the texts of all regions.

    # Raises

    DataError : if a region does not fit its text.

    # Example

    ```jsonnet
    { type: 'label_studio', predictions: 'use' }
    ```
    """

    ending = ".json"

    text_key: str | None = None
    predictions: Literal["ignore", "use"] = "ignore"
    offsets: AnyOffsets = "auto"

    def sentence(self, file: CorpusFile, line: int, record: dict[str, Any]) -> RawSentence:
        """See `RecordFormat.sentence`."""
        is_min = "data" not in record
        text = self._text(file, line, record if is_min else record["data"])
        read_spans = _regions_of_min if is_min else self._spans
        return RawSentence(line, text, read_spans(file, line, record))

    def _text(self, file: CorpusFile, line: int, data: Any) -> str:
        if not isinstance(data, dict):
            raise file.error(line, data, 'an object as "data"')
        strings = [key for key, value in data.items() if isinstance(value, str)]
        key = self.text_key or ("text" if "text" in data or len(strings) != 1 else strings[0])
        if not isinstance(data.get(key), str):
            expected = f'a text as "{key}". Set text_key to one of {listed(strings)}'
            raise file.error(line, data.get(key), expected if strings else f'a text as "{key}"')
        return str(data[key])

    def _spans(self, file: CorpusFile, line: int, task: Mapping[str, Any]) -> list[RawSpan] | None:
        chosen = self._chosen(file, line, task)
        if chosen is None:
            return None
        spans = []
        for result in objects_in(file, line, chosen.get("result", []), "result"):
            value = result.get("value")
            if isinstance(value, dict) and isinstance(value.get("labels"), list):
                spans += _regions(file, line, value)
            elif isinstance(value, dict) and "hypertextlabels" in value:
                expected = "regions of plain text: HTML has no positions in a text"
                raise file.error(line, "hypertextlabels", expected)
            else:
                file.counts.add("results that are no labels left out", line)
        return spans

    def _chosen(
        self, file: CorpusFile, line: int, task: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return the annotation of a task that is read; None if it has none."""
        key = next((key for key in _ANNOTATIONS if task.get(key) is not None), None)
        found = [] if key is None else objects_in(file, line, task[key], key)
        valid = [one for one in found if not one.get("was_cancelled")]
        file.counts.add("cancelled annotations left out", line, len(found) - len(valid))
        truths = [one for one in valid if one.get("ground_truth")]
        if len(valid) > 1:
            note = " of which the ground truth, or else the last, is read"
            file.counts.add("tasks with several annotations", line, note=note)
        if truths or valid:
            return (truths or valid)[-1]

        predicted = task.get("predictions")
        if self.predictions == "use" and predicted:
            file.counts.add("predictions read", line)
            return objects_in(file, line, predicted, "predictions")[-1]
        return None

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write("[\n")
            for number, sentence in enumerate(sentences, 1):
                file.write(",\n" if number > 1 else "")
                file.write(dumped(_task(number, sentence)))
            file.write("\n]\n")

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        for record in head.objects:
            for key in (*_ANNOTATIONS, "predictions"):
                value = record.get(key)
                first = value[0] if isinstance(value, list) and value else None
                if "data" in record and isinstance(first, dict) and "result" in first:
                    return f'"{key}" holds objects with "result"'
            value = record.get("label")
            first = value[0] if isinstance(value, list) and value else None
            if isinstance(first, dict) and {"start", "end", "labels"} <= first.keys():
                return '"label" holds start, end and labels (JSON-MIN)'
        tasks = [record for record in head.objects if isinstance(record.get("data"), dict)]
        if tasks and len(tasks) == len(head.objects):
            return 'records have "data" (tasks that nobody has annotated)'
        return None


def _regions(file: CorpusFile, line: int, value: Mapping[str, Any]) -> list[RawSpan]:
    """Return one span for each label of a region."""
    surface = value.get("text")
    if not value["labels"]:
        file.counts.add("regions without a label left out", line)
    return [
        RawSpan(
            value.get("start"),
            value.get("end"),
            label,
            surface if isinstance(surface, str) else None,
        )
        for label in value["labels"]
    ]


def _regions_of_min(file: CorpusFile, line: int, task: Mapping[str, Any]) -> list[RawSpan]:
    """Return the spans of a record of JSON-MIN, which has no key for those without regions."""
    spans: list[RawSpan] = []
    for value in task.values():
        if isinstance(value, list) and all(
            isinstance(item, dict) and isinstance(item.get("labels"), list) for item in value
        ):
            for item in value:
                spans += _regions(file, line, item)
    return spans


def _task(number: int, sentence: Instance) -> dict[str, Any]:
    task: dict[str, Any] = {"id": number, "data": {"text": sentence.text}, "annotations": []}
    if sentence.spans is not None:
        results = [
            {
                "id": str(i),
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
                "value": {
                    "start": span.start,
                    "end": span.end,
                    "text": sentence.text[span.start : span.end],
                    "labels": [span.type],
                },
            }
            for i, span in enumerate(sentence.spans)
        ]
        task["annotations"] = [{"id": number, "was_cancelled": False, "result": results}]
    return task
