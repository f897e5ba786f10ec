"""The report of `allennlp quickstart`: data, scores, errors, and what to do next."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats.corpus_file import around
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.overlaps import resolve_overlaps
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.runs.documents import Block, Code, Heading, Items, Table
from ner_adv_plugin.runs.explanation.advice import advice
from ner_adv_plugin.runs.explanation.record import read_run
from ner_adv_plugin.runs.quickstart import Prepared, Request

# Number of errors that are shown, and of sentences in which they are looked for.
SHOWN_ERRORS = 20
PREDICTED = 500
# Below this number of test entities, F1 says little.
FEW = 100


def report(
    request: Request, prepared: Prepared, metrics: Mapping[str, Any], archive: Path, audit: str
) -> list[Block]:
    """Return the report of a finished run.

    # Parameters

    request, prepared : what was asked for, and the splits.
    metrics : content of `metrics.json`.
    archive : the trained model.
    audit : the table of the audit.
    """
    test = prepared.sentences["test"]
    return [
        Heading(f"Report: {request.folder}", 1),
        *_data(request, prepared),
        *_scores(request, metrics, test),
        *_errors(archive, test),
        *_next(prepared, archive),
        Heading("Audit"),
        Code(audit),
    ]


def _data(request: Request, prepared: Prepared) -> Iterator[Block]:
    splits = prepared.sentences
    yield Heading("Data")
    yield Items(prepared.origins)
    counts = [
        Counter(span.type for one in own for span in one.spans or ()) for own in splits.values()
    ]
    rows = [["sentences", *(str(len(own)) for own in splits.values())]]
    types = sorted({name for own in counts for name in own})
    rows += [[name, *(str(own[name]) for own in counts)] for name in types]
    yield Table(["", *splits], rows)
    if request.validation or request.test:
        yield "Training leaves out sentences that equal or contain one of another split (audit)."
    else:
        yield "No sentence of one split equals or contains a sentence of another one."
    if prepared.overlapping:
        yield f"{prepared.overlapping} entities overlap another one; the longest is kept."


def _scores(request: Request, metrics: Mapping[str, Any], test: Sequence[Instance]) -> list[Block]:
    head = request.name
    names = [f"{head}_f1", f"{head}_precision", f"{head}_recall"]
    prefix = f"test_{head}_f1_"
    names += [key.removeprefix("test_") for key in sorted(metrics) if key.startswith(prefix)]
    rows = []
    for name in names:
        values = [metrics.get(f"{split}_{name}") for split in ("best_validation", "test")]
        shown = [f"{100 * value:.1f}" if isinstance(value, float) else "-" for value in values]
        label = name.removeprefix(f"{head}_").replace("f1_", "F1 of ", 1)
        rows.append(["F1" if label == "f1" else label, *shown])
    found: list[Block] = [
        Heading("Scores"),
        "Strict scores: start, end and type must be right.",
        Table(["", "validation", "test"], rows),
    ]
    entities = sum(len(sentence.spans or ()) for sentence in test)
    if entities < FEW:
        found.append(f"The test split has {entities} entities: these scores may be far off.")
    return found


def _errors(archive: Path, test: Sequence[Instance]) -> Iterator[Block]:
    """Yield the first errors in the test split, with the text around them."""
    predictor = Predictor.from_path(str(archive))
    sentences = test[:PREDICTED]
    answers = predictor.predict_batch_json([{"sentence": one.text} for one in sentences])
    found = []
    for sentence, answer in zip(sentences, answers, strict=True):
        predicted = {Span(e["start"], e["end"], e["type"]) for e in answer["entities"]}
        gold = set(resolve_overlaps(sentence.spans or (), "outermost"))
        found += [
            [
                "missed" if span in gold else "wrong",
                span.type,
                around(sentence.text, span.start, span.end),
            ]
            for span in sorted(predicted ^ gold)
        ]
    yield Heading("Errors")
    if not found:
        yield f"None in {len(sentences)} test sentences."
        return
    yield f"The first of {len(found)} in {len(sentences)} test sentences:"
    yield Table(["", "type", "text"], found[:SHOWN_ERRORS])


def _next(prepared: Prepared, archive: Path) -> list[Block]:
    """Return how to use the model, and what `allennlp explain` would try next."""
    items = [
        f"Find entities: allennlp predict {archive} INPUT.jsonl",
        f"Change values in {prepared.config} and train again.",
        *advice(read_run(archive.parent)),
    ]
    if len(prepared.sentences["train"]) < 1000:
        items.append("More annotated sentences help most: allennlp select chooses them.")
    return [Heading("Next"), Items(items)]
