"""`allennlp evaluate`."""

import argparse
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives import Archive
from ner_adv_plugin.commands.options import add_ensemble, add_model_options, load_model
from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.errors import DataError, UserError, nearest
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.files import local_path, write_file, write_json
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.formats import readable_as
from ner_adv_plugin.data.labels.answers import described, scored_spans
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.evaluation.calibration import PICTURES, draw_reliability
from ner_adv_plugin.inference import Ensemble
from ner_adv_plugin.inference.ensemble import voters
from ner_adv_plugin.inference.evaluated_types import (
    EvaluatedFile,
    TypeMap,
    parsed_type_map,
    with_types_mapped,
)
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.metrics import counted, score
from ner_adv_plugin.inference.predictions import Predictions
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.resuming import DATA

logger = logging.getLogger(__name__)
VERIFY = "--verify"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `evaluate` and of this package."""
    parser.add_argument(
        "archive_file", help="model.tar.gz, its URL, hf://ORG/NAME or the folder of a run"
    )
    parser.add_argument(
        "input_file",
        help='corpus in the format of the head\'s dataset, or JSON of several: {"dataset": path}',
    )
    parser.add_argument("--output-file", help="JSON file to write the metrics to")
    parser.add_argument(
        "--predictions-output-file", help="JSON lines file to write the predictions to"
    )
    parser.add_argument(
        "--multitask-head", help="head to score; by default that of validation_metric"
    )
    parser.add_argument(
        "--type-map",
        help="new names for the entity types of the files, null to drop a type: JSON such as "
        '{"PERSON": "PER", "GPE": null}, or a file of it',
    )
    parser.add_argument(
        "--reliability-diagram",
        help=f"file to draw precision against entity scores to ({', '.join(PICTURES)})",
    )
    parser.add_argument(
        "--verify", action="store_true", help="check the strict F1 scores against seqeval"
    )
    add_ensemble(parser)
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Score the model and print the metrics."""
    paths = _paths(arguments.input_file)
    head = arguments.multitask_head
    if paths is not None and head:
        raise UserError(
            "--multitask-head chooses the head of a single file; with an object of datasets, each "
            "dataset has its own head"
        )
    diagram = arguments.reliability_diagram
    if diagram and Path(diagram).suffix not in PICTURES:
        endings = " or ".join(PICTURES)
        raise UserError(
            f"--reliability-diagram: expected a path ending in {endings}, found {diagram}"
        )

    type_map = None if arguments.type_map is None else parsed_type_map(arguments.type_map)
    if arguments.verify:
        require_extra("seqeval.metrics", VERIFY)

    archive = load_model(arguments, list(paths or ()))
    if paths is None:
        paths = {_dataset_of(archive, head or archive.default_head): arguments.input_file}
    tables = {name: _read(archive, name, path) for name, path in paths.items()}
    _warn_of_training_files(arguments.archive_file, paths.values())
    files = _files_of_entities(archive, tables, type_map)
    tables.update({name: file.sentences for name, file in files.items()})
    datasets = {name: _encoded(archive, name, table) for name, table in tables.items()}
    evaluator = Evaluator(archive.model.vocab, datasets, arguments.batch_size)

    predictions = _predicted(archive, arguments, evaluator)
    for name, file in files.items():
        file.warn(predictions[name].spans)
    metrics = evaluator.metrics(predictions)
    calibration = evaluator.reliability(predictions)
    metrics.update({f"{name}_ece": result.ece for name, result in calibration.items()})

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


def _warn_of_training_files(archive_file: str, paths: Iterable[str]) -> None:
    """Warn of files that the model was trained on, as far as the run's folder tells."""
    source = local_path(archive_file)
    data = (source if source.is_dir() else source.parent) / DATA
    if not data.is_file():
        return
    try:
        files = json.loads(data.read_text(encoding="utf-8"))
        trained = {
            entry["sha256"]: entry["file"]
            for key, entry in files.items()
            if key.startswith("train_data_path")
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        # Not the file of a run.
        return
    for path in paths:
        file = trained.get(file_digest(local_path(path)))
        if file is not None:
            logger.warning(
                "%s is what the model was trained on (%s): its scores say nothing about other text",
                path,
                file,
            )


def _paths(text: str) -> dict[str, str] | None:
    """Return the paths by dataset of a JSON object; None if the text is a path."""
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
    raise UserError(f'no dataset of the archive has head "{head}"')


def _read(archive: Archive, name: str, path: str) -> InstanceTable:
    readers = archive.reader.readers
    if name not in readers:
        hint, known = nearest(name, readers), ", ".join(readers)
        raise UserError(f'no reader for dataset "{name}".{hint} Readers: {known}.')

    try:
        sentences = readers[name].read(path)
    except DataError as error:
        raise UserError(f"{error}{_hint_on_format(archive, name, path)}") from error
    if sentences.spans is None and readers[name].task != "raw_text":
        raise UserError(
            f"{path}: no labels in {len(sentences)} sentences, so there is nothing to score. To "
            "predict, use `predict --use-dataset-reader`"
        )
    return sentences


def _hint_on_format(archive: Archive, name: str, path: str) -> str:
    """Return what a file is that the reader of a dataset cannot read, and how to read it."""
    readers = archive.reader.readers
    reader = readers[name]
    found = readable_as(path, reader.encoding) if reader.task == "ner" else None
    if found is None:
        return ""
    own: dict[str, Any] = {"type": "annotations"}
    if len(archive.train_reader.readers) > 1:
        own = {"type": "multitask", "readers": {name: own}}
    override = json.dumps({"validation_dataset_reader": own})
    return f". The file looks like {found[0]} ({found[1]}), which `-o '{override}'` reads"


def _files_of_entities(
    archive: Archive, tables: Mapping[str, InstanceTable], type_map: TypeMap | None
) -> dict[str, EvaluatedFile]:
    """Return the files of entities, not words, with their types mapped and checked."""
    vocab = archive.model.vocab
    spaces = {name: vocab.label_space(str(vocab.datasets[name].head)) for name in tables}
    files = {
        name: EvaluatedFile(name, spaces[name], table)
        for name, table in tables.items()
        if spaces[name].task == "ner"
    }
    if type_map is not None:
        if not files:
            raise UserError("--type-map is for entities: words have no types")
        files = with_types_mapped(files, type_map)
    for file in files.values():
        file.check()
    return files


def _encoded(archive: Archive, name: str, sentences: InstanceTable) -> EncodedDataset:
    model = archive.model
    shown = archive.train_reader.readers[name].shown
    dataset = EncodedDataset(name, sentences, model.vocab, model.alphabet, shown)
    dataset.targets = model.targets(dataset, training=False)
    return dataset


def _predicted(
    archive: Archive, arguments: argparse.Namespace, evaluator: Evaluator
) -> dict[str, Predictions]:
    """Return the predictions of the model, or of all models that vote."""
    if not arguments.ensemble:
        return evaluator.predict(archive.model, "evaluating", scored=True)
    found: dict[str, Predictions] = {}
    others = voters(archive, arguments.ensemble, list(evaluator.by_head))
    for head, datasets in evaluator.by_head.items():
        ensemble = Ensemble(archive, others, head, arguments.batch_size)
        found.update(ensemble.predictions(datasets))
    return found


def _write_predictions(
    path: Path,
    model: Model,
    datasets: Mapping[str, EncodedDataset],
    predictions: Mapping[str, Predictions],
) -> None:
    """Write every sentence with its predicted and gold spans."""

    def write(partial: Path) -> None:
        # A lone surrogate is written escaped, as in JSON.
        with open(partial, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            for name, dataset in datasets.items():
                for entry in _entries(model, dataset, predictions[name].spans):
                    entry = {"dataset": name, "head": dataset.head, **entry}
                    file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    write_file(path, write)


def _entries(
    model: Model, dataset: EncodedDataset, predicted: SpanTable
) -> Iterator[dict[str, Any]]:
    """Yield each sentence of a dataset as a JSON object; keys of gold spans start with "gold_"."""
    assert dataset.head is not None
    segments = model.vocab.label_space(dataset.head).segmentation
    scheme = model.scheme(dataset.head)

    sentences = zip(dataset.texts(), scored_spans(predicted), strict=True)
    for index, (text, spans) in enumerate(sentences):
        gold = described(text, dataset.gold(index), segments, None)
        yield {
            "sentence": text,
            **described(text, spans, segments, scheme),
            **{f"gold_{key}": value for key, value in gold.items()},
        }


def _verify(evaluator: Evaluator, predictions: Mapping[str, Predictions]) -> None:
    """Recompute strict F1 with seqeval, on BIO tags; `UserError` if it differs."""
    f1_score = require_extra("seqeval.metrics", VERIFY).f1_score
    strict_bio = require_extra("seqeval.scheme", VERIFY).IOB2
    for head, datasets in evaluator.by_head.items():
        space = evaluator.vocab.label_space(head)
        for dataset in datasets:
            name, gold = dataset.dataset, dataset.spans
            predicted = counted(space, name, predictions[name].spans)
            if space.task != "ner":
                what = "words" if space.segmentation else "raw text"
                print(f"{name}: not verified, as seqeval does not support {what}")
                continue
            assert gold is not None
            if gold.overlapping_S().any() or predicted.overlapping_S().any():
                print(f"{name}: not verified, as seqeval does not support nested entities")
                continue

            reference = f1_score(
                _tags(gold, dataset),
                _tags(predicted, dataset),
                mode="strict",
                scheme=strict_bio,
                zero_division=0,
            )
            f1 = score(evaluator.vocab, head, [dataset], [predicted])["f1"]
            if abs(f1 - reference) > 1e-12:
                raise UserError(f"{name}: strict F1 is {f1}, but {reference} with seqeval")
            print(f"{name}: verified, strict F1 is {reference:.6f} with seqeval as well")


def _tags(table: SpanTable, dataset: EncodedDataset) -> list[list[str]]:
    """Return the BIO tags of every sentence of a dataset."""
    scheme = get_scheme("BIO")
    lengths = dataset.lengths.tolist()
    return [scheme.tags(spans or (), length) for spans, length in zip(table, lengths, strict=True)]
