"""`allennlp train`."""

import argparse
import json
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives.extraction import check_format
from ner_adv_plugin.archives.writing import META
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import first_difference, load_config
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.signals import interrupt_on_terminate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command."""
    parser.add_argument("param_path", help="config, in Jsonnet")
    parser.add_argument(
        "-s", "--serialization-dir", help="folder of the run; a fresh one under runs/ by default"
    )
    parser.add_argument(
        "-r", "--recover", action="store_true", help="go on with the run in the folder"
    )
    parser.add_argument("-f", "--force", action="store_true", help="empty the folder first")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the config")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the config and print it, defaults filled in"
    )
    parser.add_argument(
        "--file-friendly-logging", action="store_true", help="progress as lines, not bars"
    )
    parser.add_argument(
        "--node-rank",
        type=int,
        default=0,
        help="which node this is, with the config's `distributed`",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, printing the run's folder first and last, with the test scores."""
    from ner_adv_plugin.common import processes
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.launch import launch
    from ner_adv_plugin.runs.train_job import open_run

    config = load_config(arguments.param_path, arguments.overrides)
    job = checked_job(config)
    if arguments.dry_run:
        print(json.dumps(job.filled, ensure_ascii=False, indent=2))
        return
    if arguments.recover and arguments.force:
        raise UserError("--recover and --force ask for opposites")
    if arguments.recover and not arguments.serialization_dir:
        raise UserError("--recover needs --serialization-dir")
    job.check_paths()
    make_file_friendly(arguments.file_friendly_logging)
    with interrupt_on_terminate():
        if job.distributed is not None and not processes.launched():
            sys.exit(launch(job.distributed, arguments.node_rank, arguments.given))
        processes.join(job.filled["trainer"].get("cuda_device"))
        folder = processes.on_main(lambda: _folder_of_run(arguments, config))
        if processes.is_main():
            log_to(folder)
            print(f"serialization directory: {folder}", flush=True)
        else:
            log_to(level=logging.WARNING)

        with open_run(job, folder, arguments.recover) as trainer:
            trainer.train()

        if processes.is_main():
            _print_scores(trainer.metrics)
            print(f"serialization directory: {folder}")
        # The prepared model must be collected before `leave`.
        del trainer
        processes.leave()


def _folder_of_run(arguments: argparse.Namespace, config: dict[str, Any]) -> Path:
    folder = prepare_folder(
        arguments.param_path, arguments.serialization_dir, arguments.force, arguments.recover
    )
    if arguments.recover:
        if (folder / META).is_file():
            check_format(folder, str(folder))
        _check_same_config(folder, config)
    return folder


def prepare_folder(
    param_path: str, serialization_dir: str | None, force: bool, recover: bool = False
) -> Path:
    """The folder of a run, made where it is missing; one named after the config and the time by default.

    # Parameters

    param_path : the config.
    serialization_dir : the folder asked for.
    force : empty it, where it is a run's.
    recover : take it as it stands.

    Raises `UserError` where it may not be used, or cannot be made.
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
                f"{folder} is not empty: --force empties it, `train --recover` goes on with its run"
            )
        if not (folder / "config.json").is_file() and not (folder / "out.log").is_file():
            raise UserError(
                f"{folder} does not look like the folder of a run: --force does not empty it"
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {folder}: {error}") from error
    return folder


def _check_same_config(folder: Path, config: dict[str, Any]) -> None:
    """A run goes on only with the config it began with."""
    file = folder / "config.json"
    if not file.is_file():
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    if difference := first_difference(before, config):
        path, old, new = difference
        raise ConfigurationError(f"--recover: the run began with {old!r}, now it is {new!r}", path)


def _print_scores(metrics: dict[str, Any]) -> None:
    """The best epoch's validation scores and the test scores."""
    for prefix in ("best_validation_", "test_"):
        for name, value in metrics.items():
            if name.startswith(prefix) and not name.endswith("loss"):
                print(f"{name}: {value:.4f}")
