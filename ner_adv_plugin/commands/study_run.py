"""`allennlp study-run`."""

import argparse
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the run."""
    parser.add_argument("folder", type=Path, help="folder of a run that a study planned")


def run(arguments: argparse.Namespace) -> None:
    """Train the run of a folder, or resume it."""
    from ner_adv_plugin.studies import worker

    if not (arguments.folder / worker.RUN).is_file():
        raise UserError(f"{arguments.folder} is not the folder of a run of a study")
    log_to(arguments.folder)
    worker.run(arguments.folder)
