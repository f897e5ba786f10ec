"""`allennlp init`."""

import argparse
import os
from pathlib import Path

from ner_adv_plugin.commands.options import add_on_bad_record
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import default_variables
from ner_adv_plugin.data.formats.conversion import described, parsed_name
from ner_adv_plugin.data.reading.text_encoding import canonical
from ner_adv_plugin.runs.quickstart import Prepared, Request, prepare

ENCODER = "NER_ENCODER"


def add_arguments(parser: argparse.ArgumentParser, replaces: str = Request.replaces) -> None:
    """Add the annotated files, the folder, and how to split and to train.

    # Parameters

    parser : the parser.
    replaces : what --force replaces in the folder, in words.
    """
    parser.add_argument("files", nargs="+", help="annotated files or folders, of any known format")
    parser.add_argument(
        "-s",
        "--serialization-dir",
        type=Path,
        help="folder to write to; the first file's name without its ending by default",
    )
    parser.add_argument(
        "--encoder", help=f"folder or hub name of the encoder ({ENCODER}, or the embedded tiny one)"
    )
    for split in ("validation", "test"):
        parser.add_argument(
            f"--{split}", nargs="+", default=[], metavar="FILE", help=f"files for {split}"
        )
    parser.add_argument(
        "--shares",
        nargs=3,
        type=float,
        default=[0.8, 0.1, 0.1],
        metavar="SHARE",
        help="shares of training, validation and test sentences (0.8 0.1 0.1)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        default="auto",
        metavar="FORMAT",
        help="format of the files, or its settings as Jsonnet; recognised by default",
    )
    parser.add_argument("--encoding", default="utf-8", help="encoding of the files (utf-8)")
    add_on_bad_record(parser)
    parser.add_argument("--seed", type=int, default=13370, help="seed of splits and training")
    parser.add_argument("--name", default="mine", help="name of the dataset (mine)")
    parser.add_argument(
        "-f", "--force", action="store_true", help=f"if the folder is not empty, replace {replaces}"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write splits and config; print what was read and how to train."""
    log_to()
    request = request_of(arguments)
    prepared = prepare(request, arguments.force)
    show(prepared)
    print(f"config: {prepared.config}")
    print(f"train: allennlp train {prepared.config} -s {request.folder / 'run'}")


def request_of(arguments: argparse.Namespace, replaces: str = Request.replaces) -> Request:
    """Return what the flags ask for; see `add_arguments`."""
    embedded = default_variables()[ENCODER]
    encoder = arguments.encoder or os.environ.get(ENCODER) or embedded
    if encoder == embedded:
        print(
            f"encoder: {encoder}, which is tiny: for good scores give --encoder a folder, or a "
            "name on the hub"
        )
    if arguments.seed < 0:
        raise UserError(f"--seed: expected 0 or more, found {arguments.seed}")
    folder = arguments.serialization_dir
    return Request(
        files=arguments.files,
        folder=_default_folder(arguments.files[0]) if folder is None else folder,
        encoder=encoder,
        validation=arguments.validation,
        test=arguments.test,
        shares=arguments.shares,
        source=parsed_name(arguments.source),
        encoding=canonical(arguments.encoding, "--encoding"),
        on_bad_record=arguments.on_bad_record,
        seed=arguments.seed,
        name=arguments.name,
        replaces=replaces,
    )


def show(prepared: Prepared) -> None:
    """Print what was read, and the splits."""
    for origin in prepared.origins:
        print(origin)
    for name, sentences in prepared.sentences.items():
        print(f"{name}: {described(sentences)}")


def _default_folder(file: str) -> Path:
    """Return a folder in the current one, named after a file."""
    stem = Path(file.partition("?")[0]).stem
    return Path("runs") / stem
