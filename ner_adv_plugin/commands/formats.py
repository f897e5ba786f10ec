"""Flags on the formats of inputs and outputs of `allennlp predict`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.data.formats import CorpusFormat
from ner_adv_plugin.data.formats.auto import AUTO
from ner_adv_plugin.data.formats.conversion import (
    ALIASES,
    ENDINGS,
    Choices,
    chosen,
    named,
    parsed_name,
    write,
)
from ner_adv_plugin.data.reading.overlaps import Overlaps
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.text_encoding import UTF8, canonical
from ner_adv_plugin.inference.answers import sentences_of
from ner_adv_plugin.inference.input_lines import JSON_LINES
from ner_adv_plugin.inference.inputs import LINE_FORMATS, InputFormat

INPUT_FORMAT, OUTPUT_FORMAT = "--input-format", "--output-format"
# Name of a format, or its settings.
Format = str | Mapping[str, Any]


def add_formats(parser: argparse.ArgumentParser) -> None:
    """Add the flags on the formats of input and output."""
    parser.add_argument(
        INPUT_FORMAT,
        metavar="FORMAT",
        help=f"{', '.join(LINE_FORMATS)}, a format of `allennlp convert` or its settings, or "
        '"auto"; by default told from the ending of the file',
    )
    parser.add_argument(
        OUTPUT_FORMAT,
        metavar="FORMAT",
        help=f"{JSON_LINES}, html, bio, doccano, brat or another format of `allennlp convert`, or "
        "its settings; by default told from the ending of the output file",
    )
    parser.add_argument("--encoding", default=UTF8, help=f"encoding of the input ({UTF8})")
    parser.add_argument(
        "--overlaps",
        choices=[name for name in get_args(Overlaps) if name != "error"],
        default="keep",
        help="which of overlapping entities to write in other formats than JSON lines (keep)",
    )
    parser.add_argument(
        "--split-lines",
        action="store_true",
        help="write each line of a text as a sentence, in other formats than JSON lines",
    )


def input_format_of(arguments: argparse.Namespace) -> InputFormat:
    """Return the format of the input, whose name is checked."""
    encoding = canonical(arguments.encoding, "--encoding")
    if arguments.input_format is None:
        return InputFormat(encoding=encoding)
    name = parsed_name(arguments.input_format)
    if name not in LINE_FORMATS and name != AUTO:
        _checked(name, INPUT_FORMAT, LINE_FORMATS)
    return InputFormat(name, encoding)


def output_format_of(arguments: argparse.Namespace) -> Format | None:
    """Return the format of the output, whose name is checked; None for JSON lines."""
    if arguments.output_format is None:
        ending = Path(arguments.output_file or "").suffix.lower()
        return ENDINGS.get(ending)
    name = parsed_name(arguments.output_format)
    if name == JSON_LINES:
        return None
    _checked(name, OUTPUT_FORMAT, [JSON_LINES])
    return name


def _checked(name: Format, flag: str, others: Iterable[str]) -> CorpusFormat:
    """Return a corpus format; the error for an unknown name also lists other names."""
    known = sorted([*CorpusFormat.list_available(), *ALIASES, *others])
    if isinstance(name, str) and name not in known:
        hint = nearest(name, known)
        raise UserError(f'{flag}: no format "{name}".{hint} Formats: {", ".join(known)}.')
    return named(name, flag)


def check_formats(arguments: argparse.Namespace, target: Format | None) -> None:
    """Refuse flags that contradict each other, before the model is loaded.

    # Raises

    UserError : for the first flag that has no effect.
    """
    if arguments.use_dataset_reader:
        not_read = {
            "--text-key": arguments.text_key,
            "--on-error skip": arguments.on_error == "skip",
            INPUT_FORMAT: arguments.input_format,
            "--encoding": canonical(arguments.encoding, "--encoding") != UTF8,
        }
        for flag, value in not_read.items():
            if value:
                raise UserError(f"{flag} is for lines, not for --use-dataset-reader")
    if target is None:
        for flag, given in (
            ("--overlaps", arguments.overlaps != "keep"),
            ("--split-lines", arguments.split_lines),
        ):
            if given:
                raise UserError(f"{flag} is for other formats than JSON lines: {OUTPUT_FORMAT}")
    elif arguments.output_file is None and named(target, OUTPUT_FORMAT).is_folder:
        raise UserError(f"{OUTPUT_FORMAT} {arguments.output_format} needs --output-file, a folder")


def write_as(
    target: Format,
    predictions: Iterable[dict[str, Any]],
    arguments: argparse.Namespace,
) -> None:
    """Write predictions in a corpus format, to a file or at the end to stdout."""
    corpus_format = named(target, OUTPUT_FORMAT)
    choices = Choices(split_lines=arguments.split_lines, overlaps=arguments.overlaps)
    counts = ReadingCounts()
    shown = str(target["type"] if isinstance(target, Mapping) else target)
    sentences = chosen(sentences_of(predictions, shown), choices, counts)

    if arguments.output_file is not None:
        write(sentences, corpus_format, Path(arguments.output_file), force=True)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"answers{corpus_format.ending}"
            corpus_format.write(sentences, path)
            if not arguments.silent:
                sys.stdout.flush()
                with path.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
    counts.log(arguments.output_file or "answers")
