"""`allennlp evaluate`."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives import Archive
from ner_adv_plugin.commands.options import add_model_options, load_model
from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.common.files import write_file, write_json
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.evaluation.calibration import PICTURES, draw_reliability
from ner_adv_plugin.inference.evaluator import Evaluator, Predictions, counted, score
from ner_adv_plugin.inference.tagger import described, scored_spans
from ner_adv_plugin.models import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command, and `--multitask-head` and `--verify`."""
    parser.add_argument("archive_file", help="model.tar.gz, or the folder of a run")
    parser.add_argument(
        "input_file", help='a corpus of the head\'s kind, or JSON of several: {"dataset": path}'
    )
    parser.add_argument("--output-file", help="where to write the metrics, as JSON")
    parser.add_argument(
        "--predictions-output-file", help="where to write the predictions, as JSON lines"
    )
    parser.add_argument(
        "--multitask-head", help="the head to score; that of validation_metric by default"
    )
    parser.add_argument(
        "--reliability-diagram",
        help=f"where to draw scores against precision: {', '.join(PICTURES)}",
    )
    parser.add_argument(
        "--verify", action="store_true", help="score again with seqeval, and stop where it differs"
    )
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Score the model and print the metrics."""
    paths = _paths(arguments.input_file)
    head = arguments.multitask_head
    if paths is not None and head:
        raise UserError(
            "--multitask-head chooses the head of one file; an object of datasets chooses its own"
        )
    diagram = arguments.reliability_diagram
    if diagram and Path(diagram).suffix not in PICTURES:
        raise UserError(
            f"--reliability-diagram: expected a path ending in {' or '.join(PICTURES)}, found {diagram}"
        )

    archive = load_model(arguments, list(paths or ()))
    if paths is None:
        paths = {_dataset_of(archive, head or archive.default_head): arguments.input_file}
    datasets = {name: _read(archive, name, path) for name, path in paths.items()}
    evaluator = Evaluator(archive.model.vocab, datasets, arguments.batch_size)

    predictions = evaluator.predict(archive.model, "evaluating", scored=True)
    metrics = evaluator.metrics(predictions)
    calibration = evaluator.reliability(predictions)
    metrics.update({f"{name}_ece": found.ece for name, found in calibration.items()})
    print(json.dumps(metrics, ensure_ascii=False, indent=2))
    if arguments.output_file:
        write_json(Path(arguments.output_file), metrics)
    if arguments.predictions_output_file:
        _write_predictions(
            Path(arguments.predictions_output_file), archive.model, datasets, predictions
        )
    if diagram:
        draw_reliability(calibration, Path(diagram))
    if arguments.verify:
        _verify(evaluator, predictions)


def _paths(text: str) -> dict[str, str] | None:
    """The datasets of a JSON object, None where the text is a path."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        paths = json.loads(text)
    except ValueError as error:
        raise UserError(f"input_file is neither a path nor an object of paths: {error}") from error
    if not paths or not all(isinstance(path, str) for path in paths.values()):
        raise UserError(f'expected an object such as {{"weibo": "path"}}, found {text}')
    return dict(paths)


def _dataset_of(archive: Archive, head: str) -> str:
    for name, reader in archive.reader.readers.items():
        if reader.head == head:
            return name
    raise UserError(f'no reader of the archive feeds head "{head}"')


def _read(archive: Archive, name: str, path: str) -> EncodedDataset:
    readers = archive.reader.readers
    if name not in readers:
        raise UserError(
            f'no reader for dataset "{name}".{nearest(name, readers)} Readers: {", ".join(readers)}.'
        )
    model = archive.model
    shown = archive.train_reader.readers[name].shown
    dataset = EncodedDataset(name, readers[name].read(path), model.vocab, model.alphabet, shown)
    dataset.targets = model.targets(dataset, training=False)
    return dataset


def _write_predictions(
    path: Path,
    model: Model,
    datasets: Mapping[str, EncodedDataset],
    predictions: Mapping[str, Predictions],
) -> None:
    """Write every sentence with its predicted and gold spans."""

    def write(aside: Path) -> None:
        # Half a surrogate pair stands escaped, as JSON escapes it.
        with open(aside, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            for name, dataset in datasets.items():
                for line in _lines(model, dataset, predictions[name].spans):
                    file.write(
                        json.dumps(
                            {"dataset": name, "head": dataset.head, **line}, ensure_ascii=False
                        )
                        + "\n"
                    )

    write_file(path, write)


def _lines(model: Model, dataset: EncodedDataset, predicted: SpanTable) -> Iterator[dict[str, Any]]:
    """Each sentence of a dataset as JSON; what is gold has names that begin with "gold_"."""
    assert dataset.head is not None
    segments, scheme = (
        model.vocab.label_space(dataset.head).segmentation,
        model.scheme(dataset.head),
    )
    for sentence, (text, spans) in enumerate(
        zip(dataset.texts(), scored_spans(predicted), strict=True)
    ):
        gold = described(text, dataset.gold(sentence), segments, None)
        yield {
            "sentence": text,
            **described(text, spans, segments, scheme),
            **{f"gold_{key}": value for key, value in gold.items()},
        }


def _verify(evaluator: Evaluator, predictions: Mapping[str, Predictions]) -> None:
    """Recompute strict F1 with seqeval, on BIO tags."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    scheme = get_scheme("BIO")
    for head, datasets in evaluator.by_head.items():
        space = evaluator.vocab.label_space(head)
        for dataset in datasets:
            name, predicted = (
                dataset.dataset,
                counted(space, dataset.dataset, predictions[dataset.dataset].spans),
            )
            assert dataset.spans is not None
            tables = (dataset.spans, predicted)
            if space.segmentation or any(table.overlapping_S().any() for table in tables):
                kind = "words" if space.segmentation else "nested entities"
                print(f"{name}: seqeval does not know {kind}, not verified")
                continue
            gold_tags, predicted_tags = (
                [
                    scheme.tags(spans or (), length)
                    for spans, length in zip(table, dataset.lengths.tolist(), strict=True)
                ]
                for table in tables
            )
            reference = f1_score(
                gold_tags, predicted_tags, mode="strict", scheme=IOB2, zero_division=0
            )
            own = score(evaluator.vocab, head, [dataset], [predicted])["f1"]
            if abs(own - reference) > 1e-12:
                raise UserError(f"{name}: strict F1 is {own}, seqeval says {reference}")
            print(f"{name}: seqeval strict F1 {reference:.6f}, the same")
