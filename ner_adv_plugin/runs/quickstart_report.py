"""The report of `allennlp quickstart`: data, scores, errors, and what to do next, in Markdown."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.formats.corpus_file import around
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.overlaps import resolve_overlaps
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.runs.quickstart import Prepared, Request

# Number of errors that are shown, and of sentences in which they are looked for.
SHOWN_ERRORS = 20
PREDICTED = 500
# Below this number of test entities, F1 says little.
FEW = 100


def report(
    request: Request, prepared: Prepared, metrics: Mapping[str, Any], archive: Path, audit: str
) -> str:
    """Return the report of a finished run.

    # Parameters

    request, prepared : what was asked for, and the splits.
    metrics : content of `metrics.json`.
    archive : the trained model.
    audit : the table of the audit.
    """
    test = prepared.sentences["test"]
    lines = [
        f"# Report: {request.folder}",
        "",
        *_data(request, prepared),
        *_scores(request, metrics, test),
    ]
    lines += [*_errors(archive, test), *_next(request, prepared, metrics, archive)]
    lines += ["## Audit", "", "```text", audit, "```", ""]
    return "\n".join(lines)


def _data(request: Request, prepared: Prepared) -> Iterator[str]:
    splits = prepared.sentences
    yield from ("## Data", "", *(f"- {origin}" for origin in prepared.origins), "")
    counts = {
        name: Counter(span.type for one in own for span in one.spans or ())
        for name, own in splits.items()
    }
    yield f"| | {' | '.join(splits)} |"
    yield f"|---|{'---|' * len(splits)}"
    yield f"| sentences | {' | '.join(str(len(own)) for own in splits.values())} |"
    for name in sorted({name for own in counts.values() for name in own}):
        yield f"| {_cell(name)} | {' | '.join(str(own[name]) for own in counts.values())} |"
    yield ""
    if request.validation or request.test:
        yield "Training leaves out sentences that equal or contain one of another split (audit)."
    else:
        yield "No sentence of one split equals or contains a sentence of another one."
    if prepared.overlapping:
        yield f"{prepared.overlapping} entities overlap another one; the longest is kept."
    yield ""


def _scores(
    request: Request, metrics: Mapping[str, Any], test: Sequence[Instance]
) -> Iterator[str]:
    yield from ("## Scores", "", "Strict scores: start, end and type must be right.", "")
    yield "| | validation | test |"
    yield "|---|---|---|"
    head = request.name
    names = [f"{head}_f1", f"{head}_precision", f"{head}_recall"]
    prefix = f"test_{head}_f1_"
    names += [key.removeprefix("test_") for key in sorted(metrics) if key.startswith(prefix)]
    for name in names:
        values = [metrics.get(f"{split}_{name}") for split in ("best_validation", "test")]
        shown = [f"{100 * value:.1f}" if isinstance(value, float) else "-" for value in values]
        label = name.removeprefix(f"{head}_").replace("f1_", "F1 of ").replace("f1", "F1")
        yield f"| {_cell(label)} | {' | '.join(shown)} |"
    yield ""
    entities = sum(len(sentence.spans or ()) for sentence in test)
    if entities < FEW:
        yield f"The test split has {entities} entities: these scores may be far off."
        yield ""


def _errors(archive: Path, test: Sequence[Instance]) -> Iterator[str]:
    """Yield the first errors in the test split, with the text around them."""
    predictor = Predictor.from_path(str(archive))
    sentences = test[:PREDICTED]
    answers = predictor.predict_batch_json([{"sentence": one.text} for one in sentences])
    found = []
    for sentence, answer in zip(sentences, answers, strict=True):
        predicted = {Span(e["start"], e["end"], e["type"]) for e in answer["entities"]}
        gold = set(resolve_overlaps(sentence.spans or (), "outermost"))
        found += [
            ("missed" if span in gold else "wrong", span, sentence.text)
            for span in sorted(predicted ^ gold)
        ]
    yield from ("## Errors", "")
    if not found:
        yield f"None in {len(sentences)} test sentences."
        yield ""
        return
    yield f"The first of {len(found)} in {len(sentences)} test sentences:"
    yield from ("", "| | type | text |", "|---|---|---|")
    for what, span, text in found[:SHOWN_ERRORS]:
        yield f"| {what} | {_cell(span.type)} | {_cell(around(text, span.start, span.end))} |"
    yield ""


def _next(
    request: Request, prepared: Prepared, metrics: Mapping[str, Any], archive: Path
) -> Iterator[str]:
    yield from ("## Next", "")
    yield f"- Find entities: `allennlp predict {archive} INPUT.jsonl`"
    yield f"- Change values in `{prepared.config}` and train again."
    if metrics.get("best_epoch", 0) + 1 == metrics.get("training_epochs"):
        yield "- The last epoch was the best: more epochs may help (`trainer.num_epochs`)."
    if len(prepared.sentences["train"]) < 1000:
        yield "- More annotated sentences help most: `allennlp select` chooses them."
    yield ""


def _cell(text: str) -> str:
    """Return a text as a cell of a table."""
    line = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    return line.replace("\\", "\\\\").replace("|", "\\|")
