"""`allennlp train`."""

import argparse
import json
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_adv_plugin.archives.extraction import check_format
from ner_adv_plugin.archives.writing import META
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.signals import interrupt_on_terminate

if TYPE_CHECKING:
    from ner_adv_plugin.runs.job import TrainJob


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `train`."""
    parser.add_argument("param_path", help="Jsonnet config")
    parser.add_argument(
        "-s", "--serialization-dir", help="folder of the run; a new one under runs/ by default"
    )
    parser.add_argument("-r", "--recover", action="store_true", help="resume the run in the folder")
    parser.add_argument("-f", "--force", action="store_true", help="empty the folder first")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the config and print it with its defaults"
    )
    parser.add_argument(
        "--file-friendly-logging", action="store_true", help="print progress lines, not bars"
    )
    parser.add_argument(
        "--node-rank",
        type=int,
        default=0,
        help="rank of this node, if the config's `distributed` has several",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train a model; print the folder of the run, first and last, and the scores."""
    from ner_adv_plugin.common import processes
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.foreseen import foreseen_memory
    from ner_adv_plugin.runs.launch import launch
    from ner_adv_plugin.runs.summary import summary
    from ner_adv_plugin.runs.train_job import open_run

    config = load_config(arguments.param_path, arguments.overrides)
    job = checked_job(config)
    if arguments.dry_run:
        _print_plan(job)
        print(foreseen_memory(job.filled), file=sys.stderr)
        return

    if arguments.recover and arguments.force:
        raise UserError("--recover and --force exclude each other")
    if arguments.recover and not arguments.serialization_dir:
        raise UserError("--recover needs --serialization-dir")
    job.check_paths()
    job.check_encoder()

    make_file_friendly(arguments.file_friendly_logging)
    with interrupt_on_terminate():
        if job.distributed is not None and not processes.launched():
            sys.exit(launch(job.distributed, arguments.node_rank, arguments.raw_arguments))
        processes.join(job.filled["trainer"].get("cuda_device"))
        folder = processes.on_main(lambda: _folder_of_run(arguments))
        if processes.is_main():
            log_to(folder)
            print(f"serialization directory: {folder}", flush=True)
        else:
            log_to(level=logging.WARNING)

        with open_run(job, folder, arguments.recover) as trainer:
            trainer.train()

        if processes.is_main():
            _print_scores(trainer.metrics)
            lines = summary(job, trainer.metrics, folder, trainer.model.vocab.heads)
            print("\n".join(lines))
            print(f"serialization directory: {folder}")
        # The prepared model must be collected before `leave`.
        del trainer
        processes.leave()


def _print_plan(job: "TrainJob") -> None:
    """Print the whole config of a run, which trains the same, and nothing else on stdout.

    What else is known about the run belongs on stderr.
    """
    print(json.dumps(job.whole, ensure_ascii=False, indent=2))


def _folder_of_run(arguments: argparse.Namespace) -> Path:
    folder = prepare_folder(
        arguments.param_path, arguments.serialization_dir, arguments.force, arguments.recover
    )
    if arguments.recover and (folder / META).is_file():
        check_format(folder, str(folder))
    return folder


def prepare_folder(
    param_path: str, serialization_dir: str | None, force: bool, recover: bool = False
) -> Path:
    """Create the folder of a run.

    # Parameters

    param_path : the path of the config.
    serialization_dir : the folder; if None, a new one named after the config and the time.
    force : empty the folder if it holds a run.
    recover : use the folder as it is.

    # Returns

    The folder.

    # Raises

    UserError : if the folder is not empty and neither `force` nor `recover` applies, or if it
        cannot be created.
    """
    if serialization_dir is None:
        stem = f"{Path(param_path).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder, number = Path("runs") / stem, 1
        while folder.exists():
            number += 1
            folder = Path("runs") / f"{stem}-{number}"
    else:
        folder = Path(serialization_dir)

    if folder.is_dir() and any(folder.iterdir()) and not recover:
        if not force:
            raise UserError(
                f"{folder} is not empty: --force empties it, `train --recover` resumes its run"
            )
        if not (folder / "config.json").is_file() and not (folder / "out.log").is_file():
            raise UserError(
                f"{folder} does not look like the folder of a run: --force does not empty it"
            )
        shutil.rmtree(folder)

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create {folder}: {error}") from error
    return folder


def _print_scores(metrics: dict[str, Any]) -> None:
    """Print the validation scores of the best epoch and the test scores."""
    for prefix in ("best_validation_", "test_"):
        for name, value in metrics.items():
            if name.startswith(prefix) and not name.endswith("loss"):
                print(f"{name}: {value:.4f}")
