"""`allennlp predict`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ner_adv_plugin.commands.formats import (
    INPUT_FORMAT,
    Format,
    add_formats,
    check_formats,
    input_format_of,
    output_format_of,
    write_as,
)
from ner_adv_plugin.commands.in_chunks import add_chunk_size, chunks_of, predict_in_chunks
from ner_adv_plugin.commands.options import add_ensemble, add_model_options, load_model
from ner_adv_plugin.common.errors import ConfigurationError, DataError, UserError, nearest
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.data.formats import readable_as
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.answers import line_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `predict` and of this package."""
    parser.add_argument(
        "archive_file", help="model.tar.gz, its URL, hf://ORG/NAME or the folder of a run"
    )
    parser.add_argument(
        "input_file",
        help='JSON lines such as {"sentence": "..."}, plain text (.txt), a table (.csv, .tsv), an '
        'annotated file, or "-" for stdin',
    )
    parser.add_argument("--output-file", help="file or folder to write the predictions to")
    add_formats(parser)
    parser.add_argument("--silent", action="store_true", help="do not print the predictions")
    parser.add_argument(
        "--multitask-head", help="head that predicts; by default that of validation_metric"
    )
    parser.add_argument(
        "--use-dataset-reader",
        action="store_true",
        help="read the input as a corpus in the format of the head's dataset",
    )
    parser.add_argument(
        "--dataset-reader-choice",
        choices=["train", "validation"],
        default="validation",
        help="dataset reader to use (validation)",
    )
    parser.add_argument(
        "--text-key", help='key of the text in the input ("sentence" or else "text")'
    )
    parser.add_argument(
        "--on-error",
        choices=["stop", "skip"],
        default="stop",
        help='on an invalid line: stop there (default), or answer {"error": ..., "line": ...} '
        "in its place and end with status 0",
    )
    parser.add_argument(
        "--lexicon",
        action="append",
        metavar="FILE",
        help="words to add to the model's lexicon, one a line, or words with a tab and a type; may "
        "be repeated",
    )
    parser.add_argument("--predictor", help="registered name of a predictor (tagger)")
    parser.add_argument("--predictor-args", default="{}", help="settings of the predictor, in JSON")
    add_ensemble(parser)
    add_chunk_size(parser)
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Print or write one answer for each input, in order."""
    input_format, target = input_format_of(arguments), output_format_of(arguments)
    check_formats(arguments, target)

    chunks = chunks_of(arguments)
    if chunks is not None and chunks.is_complete():
        print(f"{chunks.output} is complete: remove {chunks.folder} to predict again")
        return

    predictor = _predictor(arguments)
    if chunks is not None:
        with predict_in_chunks(chunks, predictor, arguments, input_format) as answers:
            if answers is not None:
                _write(answers, target, arguments)
    elif arguments.use_dataset_reader:
        _write(predictor.predict_all(_instances(predictor, arguments)), target, arguments)
    else:
        predictions = predictor.predict_file(arguments.input_file, arguments.on_error, input_format)
        _write(predictions, target, arguments)


def _write(
    predictions: Iterable[dict[str, Any]], target: Format | None, arguments: argparse.Namespace
) -> None:
    """Write or print predictions in a format, or as JSON lines."""
    if target is not None:
        write_as(target, _echoed(predictions, arguments), arguments)
    elif arguments.output_file is not None:
        write_file(Path(arguments.output_file), _writer(_echoed(predictions, arguments)))
    else:
        for prediction in predictions:
            if not arguments.silent:
                print(line_of(prediction))


def _predictor(arguments: argparse.Namespace) -> Predictor:
    if arguments.ensemble and arguments.predictor not in (None, "ensemble"):
        raise UserError(
            f'--ensemble: predictor "{arguments.predictor}" does not vote: leave it out'
        )
    archive = load_model(arguments)
    for path in arguments.lexicon or ():
        archive.model.add_words(path)
    default = "ensemble" if arguments.ensemble else "tagger"
    settings = {"type": arguments.predictor or default, "batch_size": arguments.batch_size}
    if arguments.ensemble:
        settings["archives"] = arguments.ensemble
    if arguments.text_key is not None:
        settings["text_key"] = arguments.text_key
    settings.update(_predictor_args(arguments.predictor_args))
    predictor: Predictor = Predictor.from_params(
        settings, archive=archive, head=arguments.multitask_head
    )
    return predictor


def _predictor_args(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise UserError(f"--predictor-args is not valid JSON: {error}") from error

    if not isinstance(settings, dict):
        raise UserError(f"--predictor-args is not a JSON object: {text}")
    return settings


def _instances(predictor: Predictor, arguments: argparse.Namespace) -> Iterable[Instance]:
    """Read the input with the dataset reader of the head."""
    archive = predictor.archive
    choice = arguments.dataset_reader_choice
    readers = (archive.train_reader if choice == "train" else archive.reader).readers
    for reader in readers.values():
        if reader.head == predictor.head:
            return _read(reader, arguments.input_file)
    hint = nearest(predictor.head, readers)
    raise ConfigurationError(f'no {choice} reader has head "{predictor.head}".{hint}')


def _read(reader: DatasetReader, path: str) -> Iterable[Instance]:
    """Read a corpus; the error for one that the reader cannot read says what it looks like."""
    try:
        return reader.read(path)
    except DataError as error:
        found = readable_as(path, reader.encoding)
        if found is None:
            raise
        hint = f"{found[0]} ({found[1]}): set {INPUT_FORMAT} {found[0]} in place of the reader"
        raise UserError(f"{error}. The file looks like {hint}") from error


def _echoed(
    predictions: Iterable[dict[str, Any]], arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield predictions that go to a file, and print them on a terminal."""
    prints = arguments.output_file is not None and not arguments.silent and sys.stdout.isatty()
    for prediction in predictions:
        if prints:
            print(line_of(prediction))
        yield prediction


def _writer(predictions: Iterable[dict[str, Any]]) -> Callable[[Path], None]:
    def write_lines(path: Path) -> None:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line_of(prediction)}\n" for prediction in predictions)

    return write_lines
