"""`allennlp predict`."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ner_adv_plugin.commands.in_chunks import add_chunk_size, chunks_of, predict_in_chunks
from ner_adv_plugin.commands.options import add_model_options, load_model
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference import Predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `predict` and of this package."""
    parser.add_argument("archive_file", help="model.tar.gz, or the folder of a run")
    parser.add_argument(
        "input_file",
        help='JSON lines such as {"sentence": "..."}, or plain text in a file that ends in .txt',
    )
    parser.add_argument("--output-file", help="JSON lines file to write the predictions to")
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
    add_chunk_size(parser)
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Print or write one answer for each line of the input, in its order."""
    skips = arguments.on_error == "skip"
    if arguments.use_dataset_reader:
        for flag, value in (("--text-key", arguments.text_key), ("--on-error skip", skips)):
            if value:
                raise UserError(f"{flag} is for JSON lines, not for --use-dataset-reader")

    chunks = chunks_of(arguments)
    if chunks is not None and chunks.is_complete():
        print(f"{chunks.output} is complete: remove {chunks.folder} to predict again")
        return

    archive = load_model(arguments)
    for path in arguments.lexicon or ():
        archive.model.add_words(path)
    settings = {"type": arguments.predictor or "tagger", "batch_size": arguments.batch_size}
    if arguments.text_key is not None:
        settings["text_key"] = arguments.text_key
    settings.update(_predictor_args(arguments.predictor_args))
    predictor: Predictor = Predictor.from_params(
        settings, archive=archive, head=arguments.multitask_head
    )

    if chunks is not None:
        with predict_in_chunks(chunks, predictor, arguments, _lines) as answers:
            if answers is not None:
                _write(answers, arguments)
        return

    if arguments.use_dataset_reader:
        predictions = predictor.predict_all(_instances(predictor, arguments))
    else:
        predictions = predictor.predict_file(arguments.input_file, arguments.on_error)
    if arguments.output_file is None:
        for line in _lines(predictions):
            if not arguments.silent:
                print(line)
        return
    _write(predictions, arguments)


def _write(predictions: Iterable[dict[str, Any]], arguments: argparse.Namespace) -> None:
    """Write the output file, and print it on a terminal."""

    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for line in _lines(predictions):
                file.write(line + "\n")
                if not arguments.silent and sys.stdout.isatty():
                    print(line)

    write_file(Path(arguments.output_file), write)


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
            return reader.read(arguments.input_file)
    hint = nearest(predictor.head, readers)
    raise ConfigurationError(f'no {choice} reader has head "{predictor.head}".{hint}')


def _lines(predictions: Iterable[dict[str, Any]]) -> Iterator[str]:
    for prediction in predictions:
        line = json.dumps(prediction, ensure_ascii=False)
        try:
            line.encode("utf-8")
        except UnicodeEncodeError:
            # A lone surrogate cannot be encoded, only escaped.
            line = json.dumps(prediction)
        yield line
