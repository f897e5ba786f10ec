"""`allennlp select`."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from ner_adv_plugin.commands.options import add_model_options, load_model
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.inference.selection import STRATEGIES, Chosen, Selector, read_texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of its own, and those of `predict` about heads and models."""
    parser.add_argument("archive_file", help="model.tar.gz, or the folder of a run")
    parser.add_argument("input_file", help="raw text, one sentence a line; of any size")
    parser.add_argument("--count", type=int, default=100, help="sentences to choose")
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="margin",
        help="what makes a sentence worth annotating",
    )
    parser.add_argument(
        "--output-file", help="where to write the sentences, as JSON lines that span_json reads"
    )
    parser.add_argument(
        "--multitask-head", help="the head that annotates; that of validation_metric by default"
    )
    add_model_options(parser, batch_size=64)


def run(arguments: argparse.Namespace) -> None:
    """Write the sentences with the entities that the model finds in them, the most useful first."""
    head = arguments.multitask_head
    archive = load_model(arguments)
    selector = Selector(archive, arguments.strategy, arguments.count, head, arguments.batch_size)
    lines = _lines(selector.select(read_texts(arguments.input_file)))
    if arguments.output_file is None:
        print(lines, end="")
        return

    def write(path: Path) -> None:
        path.write_text(lines, encoding="utf-8", newline="\n")

    write_file(Path(arguments.output_file), write)


def _lines(chosen: Iterable[Chosen]) -> str:
    return "".join(json.dumps(sentence.to_json(), ensure_ascii=False) + "\n" for sentence in chosen)
