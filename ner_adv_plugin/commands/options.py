"""What commands on trained models share: flags, and loading what they name."""

import argparse
from collections.abc import Sequence

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.progress import make_file_friendly


def add_model_options(parser: argparse.ArgumentParser, batch_size: int) -> None:
    """Flags about loading and running a trained model."""
    parser.add_argument("--weights-file", help="other weights than the archive's")
    parser.add_argument(
        "--cuda-device", type=int, default=-1, help="a GPU's number; -1 for the CPU"
    )
    parser.add_argument(
        "-o", "--overrides", default="", help="Jsonnet laid over the archive's config"
    )
    parser.add_argument(
        "--batch-size", type=int, default=batch_size, help="sentences encoded together at most"
    )
    parser.add_argument(
        "--file-friendly-logging", action="store_true", help="progress as lines, not bars"
    )


def load_model(arguments: argparse.Namespace, datasets: Sequence[str] = ()) -> Archive:
    """Start logging and load the model of the flags, as far as the head asked for, or those of `datasets`, need it."""
    make_file_friendly(arguments.file_friendly_logging)
    log_to()
    head = arguments.multitask_head
    return load_archive(
        arguments.archive_file,
        arguments.cuda_device,
        arguments.overrides,
        arguments.weights_file,
        only_heads=[head] if head else [],
        only_datasets=datasets,
    )
