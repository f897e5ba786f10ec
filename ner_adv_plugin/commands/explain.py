"""`allennlp explain`."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the run."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="RUN",
        help="folder of a run of allennlp train, finished or not, or of a run of a study",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print what a run did, and what to try next."""
    from ner_adv_plugin.runs.documents import plain
    from ner_adv_plugin.runs.explanation import explanation, read_run

    print(plain(explanation(read_run(arguments.folder))), end="")
