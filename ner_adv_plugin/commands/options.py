"""Flags shared by the subcommands that use a trained model, and loading the model."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.threads import log_threads

if TYPE_CHECKING:
    from ner_adv_plugin.archives import Archive

ARCHIVE_HELP = "model.tar.gz, its URL, a name on a hub (hf://ORG/NAME), or the folder of a run"


def add_model_options(parser: argparse.ArgumentParser, batch_size: int) -> None:
    """Add the flags for loading and running a trained model.

    # Parameters

    parser : the parser of the subcommand.
    batch_size : the default of `--batch-size`.
    """
    parser.add_argument("--weights-file", help="weights to load instead of the archive's")
    parser.add_argument(
        "--cuda-device", type=int, default=-1, help="index of a GPU; -1 for the CPU (default)"
    )
    parser.add_argument(
        "-o", "--overrides", default="", help="Jsonnet that overrides the archive's config"
    )
    parser.add_argument(
        "--batch-size", type=int, default=batch_size, help="sentences encoded together, at most"
    )
    parser.add_argument(
        "--file-friendly-logging", action="store_true", help="print progress lines, not bars"
    )


def add_ensemble(parser: argparse.ArgumentParser) -> None:
    """Add the flag for further models that vote."""
    parser.add_argument(
        "--ensemble",
        action="append",
        default=[],
        metavar="ARCHIVE",
        help="another trained model: what more than half of all models predict counts; may be"
        " repeated",
    )


def add_on_bad_record(parser: argparse.ArgumentParser) -> None:
    """Add the flag on records that cannot be read; see `RecordReader`."""
    # Readers import torch, which other commands need not for their flags.
    from ner_adv_plugin.data.reading.bad_records import OnBadRecord

    parser.add_argument(
        "--on-bad-record",
        choices=get_args(OnBadRecord),
        default="error",
        help="skip and count records that cannot be read, up to 1 %% of them (error)",
    )


def load_model(arguments: argparse.Namespace, datasets: Sequence[str] = ()) -> "Archive":
    """Set up logging and load the part of the model that is needed.

    # Parameters

    arguments : the flags of `add_model_options`, `archive_file` and `multitask_head`.
    datasets : names of datasets whose heads are loaded, instead of `multitask_head`.
    """
    from ner_adv_plugin.archives import load_archive

    make_file_friendly(arguments.file_friendly_logging)
    log_to()
    head = arguments.multitask_head
    archive = load_archive(
        arguments.archive_file,
        arguments.cuda_device,
        arguments.overrides,
        arguments.weights_file,
        only_heads=[head] if head else [],
        only_datasets=datasets,
    )
    log_threads()
    return archive
