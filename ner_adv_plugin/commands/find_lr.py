"""`allennlp find-lr`."""

import argparse
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.commands.train import prepare_folder
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config, with_overrides
from ner_adv_plugin.common.progress import make_file_friendly

# What would set other rates than the search's, or report to files that only a whole run opens.
OFF = {"learning_rate_scheduler": None, "callbacks": None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command."""
    parser.add_argument("param_path", help="config, in Jsonnet")
    parser.add_argument(
        "-s", "--serialization-dir", help="folder to write to; a fresh one under runs/ by default"
    )
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the config")
    parser.add_argument("--start-lr", type=float, default=1e-5, help="first learning rate (1e-5)")
    parser.add_argument("--end-lr", type=float, default=10.0, help="last learning rate (10)")
    parser.add_argument(
        "--num-batches", type=int, default=100, help="steps from the one to the other (100)"
    )
    parser.add_argument(
        "--stopping-factor", type=float, help="stop at a loss above so many times the lowest one"
    )
    parser.add_argument(
        "--linear", action="store_true", help="grow by equal differences, not by equal ratios"
    )
    parser.add_argument("-f", "--force", action="store_true", help="empty the folder first")
    parser.add_argument(
        "--file-friendly-logging", action="store_true", help="progress as lines, not bars"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train a few steps with growing learning rates, and draw the loss over them."""
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import read_data
    from ner_adv_plugin.runs.train_job import build_trainer
    from ner_adv_plugin.training.checkpoints.random_state import seed_everything
    from ner_adv_plugin.training.learning_rate_search import (
        RangeTest,
        draw,
        search_learning_rate,
        write_table,
    )

    test = RangeTest(
        arguments.start_lr,
        arguments.end_lr,
        arguments.num_batches,
        arguments.linear,
        arguments.stopping_factor,
    )
    config = load_config(arguments.param_path, arguments.overrides)
    job = checked_job(_for_search(config, checked_job(config).filled))
    job.check_paths()
    folder = prepare_folder(arguments.param_path, arguments.serialization_dir, arguments.force)
    make_file_friendly(arguments.file_friendly_logging)
    log_to(folder)
    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    trainer = build_trainer(job, read_data(job), folder)
    curve = search_learning_rate(trainer, test)
    write_table(curve, folder / "lr-losses.csv")
    draw(curve, folder / "lr-losses.png")
    rate = curve.suggestion()
    print(
        "the loss never falls"
        if rate is None
        else f"steepest descent of the loss at learning rate {rate:.2g}"
    )
    print(f"picture: {folder / 'lr-losses.png'}")


def _for_search(config: dict[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """The config without what a search does not want."""
    return with_overrides(
        config, {f"trainer.{key}": value for key, value in OFF.items() if key in filled["trainer"]}
    )
