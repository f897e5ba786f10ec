"""`allennlp select`."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from ner_adv_plugin.commands.options import add_model_options, load_model
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.inference.selection import STRATEGIES, Chosen, Selector, read_texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument(
        "archive_file", help="model.tar.gz, its URL, hf://ORG/NAME or the folder of a run"
    )
    parser.add_argument("input_file", help="raw text of any size, one sentence per line")
    parser.add_argument("--count", type=int, default=100, help="number of sentences to choose")
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="margin",
        help="how the usefulness of a sentence is estimated",
    )
    parser.add_argument(
        "--output-file",
        help="JSON lines file to write the sentences to, in the format of the reader span_json",
    )
    parser.add_argument(
        "--multitask-head", help="head that annotates; by default that of validation_metric"
    )
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Print or write the most useful sentences, in this order, with their predicted entities."""
    archive = load_model(arguments)
    selector = Selector(
        archive,
        arguments.strategy,
        arguments.count,
        arguments.multitask_head,
        arguments.batch_size,
    )

    lines = _lines(selector.select(read_texts(arguments.input_file)))
    if arguments.output_file is None:
        print(lines, end="")
        return

    def write(path: Path) -> None:
        path.write_text(lines, encoding="utf-8", newline="\n")

    write_file(Path(arguments.output_file), write)


def _lines(chosen: Iterable[Chosen]) -> str:
    return "".join(json.dumps(sentence.to_json(), ensure_ascii=False) + "\n" for sentence in chosen)
