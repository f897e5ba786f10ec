"""`allennlp evaluate`."""

import argparse
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from ner_adv_plugin.archives import Archive
from ner_adv_plugin.commands.options import add_model_options, load_model
from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.common.files import write_file, write_json
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.vocabulary import LabelSpace, Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator, Predictions, counted
from ner_adv_plugin.inference.tagger import answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command, and `--multitask-head` and `--verify`."""
    parser.add_argument("archive_file", help="model.tar.gz, or the folder of a run")
    parser.add_argument("input_file", help='a corpus of the head\'s kind, or JSON of several: {"dataset": path}')
    parser.add_argument("--output-file", help="where to write the metrics, as JSON")
    parser.add_argument("--predictions-output-file", help="where to write the predictions, as JSON lines")
    parser.add_argument("--multitask-head", help="the head to score; that of validation_metric by default")
    parser.add_argument("--verify", action="store_true", help="score again with seqeval, and stop where it differs")
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Score the model and print the metrics."""
    paths = _paths(arguments.input_file)
    head = arguments.multitask_head
    if paths is not None and head:
        raise UserError("--multitask-head chooses the head of one file; an object of datasets chooses its own")
    archive = load_model(arguments, list(paths or ()))
    if paths is None:
        paths = {_dataset_of(archive, head or archive.default_head): arguments.input_file}
    rows = {name: _read(archive, name, path) for name, path in paths.items()}
    evaluator = Evaluator(archive.model.vocab, rows, arguments.batch_size)
    predictions = evaluator.predict(archive.model, "evaluating")
    metrics = evaluator.metrics(predictions)
    print(json.dumps(metrics, ensure_ascii=False, indent=2))
    if arguments.output_file:
        write_json(Path(arguments.output_file), metrics)
    if arguments.predictions_output_file:
        _write_predictions(Path(arguments.predictions_output_file), archive.model.vocab, rows, predictions)
    if arguments.verify:
        _verify(evaluator, rows, predictions)


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


def _read(archive: Archive, name: str, path: str) -> EncodedRows:
    readers = archive.reader.readers
    if name not in readers:
        raise UserError(f'no reader for dataset "{name}".{nearest(name, readers)} Readers: {", ".join(readers)}.')
    model = archive.model
    shown = archive.train_reader.readers[name].shown
    return EncodedRows(name, readers[name].read(path), model.vocab, model.alphabet, shown)


def _write_predictions(
    path: Path, vocab: Vocabulary, datasets: Mapping[str, EncodedRows], predictions: Mapping[str, Predictions]
) -> None:
    """Write every row with its predicted and gold tags."""

    def write(aside: Path) -> None:
        # Half a surrogate pair stands escaped, as JSON escapes it.
        with open(aside, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            for name, rows in datasets.items():
                space = _label_space(vocab, rows)
                for instance, tags in zip(rows.instances, _tags(vocab, rows, predictions[name]), strict=True):
                    line = {"dataset": name, "head": rows.head, **answer(instance.text, tags, space)}
                    file.write(json.dumps({**line, "gold_tags": instance.tags}, ensure_ascii=False) + "\n")

    write_file(path, write)


def _label_space(vocab: Vocabulary, rows: EncodedRows) -> LabelSpace:
    assert rows.head is not None
    return vocab.label_space(rows.head)


def _tags(vocab: Vocabulary, rows: EncodedRows, predictions: Predictions) -> list[list[str]]:
    """Predicted tags, row by row."""
    flat = [_label_space(vocab, rows).labels[tag] for tag in predictions.tags.tolist()]
    bounds = rows.offsets.tolist()
    return [flat[start:end] for start, end in pairwise(bounds)]


def _verify(evaluator: Evaluator, datasets: Mapping[str, EncodedRows], predictions: Mapping[str, Predictions]) -> None:
    """Recompute strict F1 with seqeval."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2, IOBES

    for name, rows in datasets.items():
        space = _label_space(evaluator.vocab, rows)
        scheme = space.scheme
        if scheme.segmentation or scheme.name not in ("BIO", "BIOES"):
            print(f"{name}: seqeval does not know {scheme.name}, not verified")
            continue
        tags = counted(space, rows.dataset, predictions[name].tags)
        gold, predicted = [row.tags for row in rows.instances], _tags(evaluator.vocab, rows, Predictions(tags, None))
        reference = f1_score(
            gold, predicted, mode="strict", scheme=IOB2 if scheme.name == "BIO" else IOBES, zero_division=0
        )
        own = evaluator.score(rows, predicted)["f1"]
        if abs(own - reference) > 1e-12:
            raise UserError(f"{name}: strict F1 is {own}, seqeval says {reference}")
        print(f"{name}: seqeval strict F1 {reference:.6f}, the same")
