"""`allennlp train`."""

import argparse
import contextlib
import json
import logging
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_adv_plugin.archives.extraction import check_format
from ner_adv_plugin.archives.writing import ARCHIVE, BEST, CONFIG, META
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_training_config
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.signals import interrupt_on_terminate
from ner_adv_plugin.runs.leftovers import Leftovers

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
        "--seed",
        type=int,
        help="set random_seed, numpy_seed and pytorch_seed (NER_SEED, or those of the config)",
    )
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

    config = load_training_config(arguments.param_path, arguments.overrides, arguments.seed)
    job = checked_job(config)
    if arguments.dry_run:
        _print_plan(job)
        print(foreseen_memory(job), file=sys.stderr)
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
        before = processes.on_main(lambda: _folder_of_run(arguments))
        folder = before.folder
        if processes.is_main():
            log_to(folder)
            print(f"serialization directory: {folder}", flush=True)
        else:
            log_to(level=logging.WARNING)

        with _opened(job, before, arguments) as trainer:
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


def _folder_of_run(arguments: argparse.Namespace) -> Leftovers:
    """Create the folder of a run; return it with what it held before."""
    folder = chosen_folder(arguments.param_path, arguments.serialization_dir)
    before = Leftovers.before(folder, emptied=arguments.force)
    prepare_folder(folder, arguments.force, arguments.recover)
    if arguments.recover and (folder / META).is_file():
        check_format(folder, str(folder))
    return before


@contextlib.contextmanager
def _opened(job: Any, before: Leftovers, arguments: argparse.Namespace) -> Iterator[Any]:
    """Open a run and yield its trainer, see `open_run`.

    If the run fails before its first step, what it has written is removed. If it is interrupted,
    `KeyboardInterrupt` says how to resume it.
    """
    from ner_adv_plugin.common import processes
    from ner_adv_plugin.runs.staging import has_begun
    from ner_adv_plugin.runs.train_job import open_run

    trainer = None
    try:
        with open_run(job, before.folder, arguments.recover) as trainer:
            yield trainer
    except BaseException as error:
        is_kept = has_begun(trainer, before.folder)
        if processes.is_main() and not is_kept:
            before.remove()
        if isinstance(error, KeyboardInterrupt):
            message = (
                _how_to_resume(trainer, before.folder, arguments)
                if is_kept
                else f"interrupted before the first step: {before.folder} is as it was"
            )
            raise KeyboardInterrupt(message) from None
        raise


def _how_to_resume(trainer: Any, folder: Path, arguments: argparse.Namespace) -> str:
    """Say what an interrupted run leaves, and give the command that resumes it."""
    if trainer is None:
        held = "the stages so far are kept"
    elif (folder / BEST).is_file():
        best = trainer.tracker.best_epoch
        held = f"{folder / ARCHIVE} holds the best weights so far"
        held += "" if best is None else f", of epoch {best + 1}"
    else:
        held = "there is no archive, as no epoch was finished"
    # The config of the folder includes overrides, seeds and environment variables.
    command = [*_program(), "train", str(folder / CONFIG), "-s", str(folder), "--recover"]
    for package in arguments.include_package:
        command += ["--include-package", package]

    done = (
        "interrupted before the last stage"
        if trainer is None
        else f"interrupted after {trainer.epoch} of {trainer.num_epochs} epochs"
    )
    return f"{done}: {held}. Resume with:\n{shlex.join(command)}"


def _program() -> list[str]:
    """Return the words that start this program again."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return [sys.executable, "-m", "ner_adv_plugin"]
    found = shutil.which("allennlp")
    is_found = found is None or Path(found).resolve() == started.resolve()
    return ["allennlp" if is_found or started.name != "allennlp" else str(started)]


def chosen_folder(param_path: str, serialization_dir: str | None) -> Path:
    """Return the folder of a run.

    # Parameters

    param_path : the path of the config.
    serialization_dir : the folder; if None, one below `runs` that does not exist, named after the
        config and the time.
    """
    if serialization_dir is not None:
        return Path(serialization_dir)

    stem = f"{Path(param_path).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, number = Path("runs") / stem, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{stem}-{number}"
    return folder


def prepare_folder(folder: Path, force: bool, recover: bool = False) -> None:
    """Create the folder of a run.

    # Parameters

    folder : the folder.
    force : empty the folder if it holds a run.
    recover : use the folder as it is.

    # Raises

    UserError : if the folder is not empty and neither `force` nor `recover` applies, or if it
        cannot be created.
    """
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


def _print_scores(metrics: dict[str, Any]) -> None:
    """Print the validation scores of the best epoch and the test scores."""
    for prefix in ("best_validation_", "test_"):
        for name, value in metrics.items():
            if name.startswith(prefix) and not name.endswith("loss"):
                print(f"{name}: {value:.4f}")
