"""`allennlp train`."""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import first_difference, load_config
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.signals import interrupt_on_terminate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command."""
    parser.add_argument("param_path", help="config, in Jsonnet")
    parser.add_argument("-s", "--serialization-dir", help="folder of the run; a fresh one under runs/ by default")
    parser.add_argument("-r", "--recover", action="store_true", help="go on with the run in the folder")
    parser.add_argument("-f", "--force", action="store_true", help="empty the folder first")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the config")
    parser.add_argument("--dry-run", action="store_true", help="check the config and print it, defaults filled in")
    parser.add_argument("--file-friendly-logging", action="store_true", help="progress as lines, not bars")


def run(arguments: argparse.Namespace) -> None:
    """Train, printing the run's folder first and last, with the test scores."""
    from ner_adv_plugin.training.train_job import bind_config, train_model

    config = load_config(arguments.param_path, arguments.overrides)
    bound = bind_config(config)
    if arguments.dry_run:
        print(json.dumps(bound.filled, ensure_ascii=False, indent=2))
        return
    if arguments.recover and arguments.force:
        raise UserError("--recover and --force ask for opposites")
    if arguments.recover and not arguments.serialization_dir:
        raise UserError("--recover needs --serialization-dir")
    bound.build({}).check_paths()
    folder = _prepare_folder(arguments)
    if arguments.recover:
        _check_same_config(folder, config)
    make_file_friendly(arguments.file_friendly_logging)
    log_to(folder)
    print(f"serialization directory: {folder}", flush=True)
    with interrupt_on_terminate():
        metrics = train_model(config, folder, recover=arguments.recover)
    _print_scores(metrics)
    print(f"serialization directory: {folder}")


def _prepare_folder(arguments: argparse.Namespace) -> Path:
    if arguments.serialization_dir is None:
        stem = f"{Path(arguments.param_path).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder, number = Path("runs") / stem, 1
        while folder.exists():
            number += 1
            folder = Path("runs") / f"{stem}-{number}"
    else:
        folder = Path(arguments.serialization_dir)
    if folder.is_dir() and any(folder.iterdir()) and not arguments.recover:
        if not arguments.force:
            raise UserError(f"{folder} is not empty: --recover goes on with its run, --force empties it")
        if not (folder / "config.json").is_file() and not (folder / "out.log").is_file():
            raise UserError(f"{folder} does not look like the folder of a run: --force does not empty it")
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
