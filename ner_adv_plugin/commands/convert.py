"""`allennlp convert`."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from ner_adv_plugin.commands.options import add_on_bad_record
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.data.formats.auto import AUTO
from ner_adv_plugin.data.formats.conversion import (
    Choices,
    described,
    named,
    parsed_name,
    read,
    source_of,
    write,
)
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.reading.overlaps import Overlaps
from ner_adv_plugin.data.reading.text_encoding import canonical
from ner_adv_plugin.inference.evaluated_types import parsed_type_map


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files, their formats, and what to do with what the new format cannot represent."""
    parser.add_argument(
        "input", help="file, folder of BRAT, or datasets://NAME?split=SPLIT on the hub"
    )
    parser.add_argument("output", type=Path, help="file, or folder of BRAT, to write")
    parser.add_argument(
        "--from",
        dest="source",
        default=AUTO,
        metavar="FORMAT",
        help="format of the input, or its settings as Jsonnet; recognised by default",
    )
    parser.add_argument(
        "--to",
        dest="target",
        required=True,
        metavar="FORMAT",
        help="format of the output: doccano, label_studio, brat, bio, bioes, ..., or its settings",
    )
    parser.add_argument("--encoding", default="utf-8", help="encoding of the input (utf-8)")
    parser.add_argument(
        "--split-lines", action="store_true", help="make each line of a text a sentence"
    )
    parser.add_argument(
        "--unlabelled",
        choices=("keep", "drop"),
        default="keep",
        help="what to do with texts that nobody has annotated (keep)",
    )
    parser.add_argument(
        "--overlaps",
        choices=[name for name in get_args(Overlaps) if name != "error"],
        default="keep",
        help="which of overlapping entities to keep (keep: all of them)",
    )
    add_on_bad_record(parser)
    parser.add_argument(
        "--type-map", help='new names of types, null to drop one: JSON such as {"GPE": null}'
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace what exists")


def run(arguments: argparse.Namespace) -> None:
    """Convert a file, and print what was recognised, read and written."""
    log_to()
    target = named(parsed_name(arguments.target), "--to")
    encoding = canonical(arguments.encoding, "--encoding")
    file = CorpusFile(arguments.input, encoding, on_bad_record=arguments.on_bad_record)
    source, name, reason = source_of(arguments.input, parsed_name(arguments.source))
    if reason:
        print(f"format: {name}, as {reason}", file=sys.stderr)

    type_map = parsed_type_map(arguments.type_map) if arguments.type_map else {}
    choices = Choices(
        split_lines=arguments.split_lines,
        unlabelled=arguments.unlabelled,
        overlaps=arguments.overlaps,
        type_map=type_map,
    )
    sentences = read(file, source, choices)
    file.counts.log(arguments.input)
    write(sentences, target, arguments.output, arguments.force)
    print(f"{arguments.output}: {described(sentences)}")
