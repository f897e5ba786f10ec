"""`allennlp find-lr`."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.commands.train import chosen_folder, prepare_folder
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_training_config
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.stages import STAGES, has_stages
from ner_adv_plugin.runs.leftovers import Leftovers

# Settings that would change the learning rate, or write to files that only a whole run opens.
DISABLED = {"learning_rate_scheduler": None, "callbacks": None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `find-lr`."""
    parser.add_argument("param_path", help="Jsonnet config")
    parser.add_argument(
        "-s", "--serialization-dir", help="folder to write to; a new one under runs/ by default"
    )
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")
    parser.add_argument("--start-lr", type=float, default=1e-5, help="first learning rate (1e-5)")
    parser.add_argument("--end-lr", type=float, default=10.0, help="last learning rate (10)")
    parser.add_argument(
        "--num-batches", type=int, default=100, help="number of optimizer steps (100)"
    )
    parser.add_argument(
        "--stopping-factor",
        type=float,
        help="stop when the loss exceeds the lowest loss by this factor",
    )
    parser.add_argument(
        "--linear", action="store_true", help="increase the rate linearly, not exponentially"
    )
    parser.add_argument("-f", "--force", action="store_true", help="empty the folder first")
    parser.add_argument(
        "--file-friendly-logging", action="store_true", help="print progress lines, not bars"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train a few steps with increasing learning rates, and plot the loss against the rate."""
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import read_data
    from ner_adv_plugin.runs.train_job import build_trainer
    from ner_adv_plugin.training.checkpoints.random_state import seed_everything
    from ner_adv_plugin.training.learning_rate_curve import draw, write_table
    from ner_adv_plugin.training.learning_rate_search import RangeTest, search_learning_rate

    test = RangeTest(
        arguments.start_lr,
        arguments.end_lr,
        arguments.num_batches,
        arguments.linear,
        arguments.stopping_factor,
    )
    config = load_training_config(arguments.param_path, arguments.overrides)
    if has_stages(config):
        raise ConfigurationError(
            "find-lr does not train the stages before the last one: leave them out, and set"
            " `initializer` to the archive of the stage before",
            STAGES,
        )
    job = checked_job(_for_search(config, checked_job(config).filled))
    job.check_paths()
    job.check_encoder()

    folder = chosen_folder(arguments.param_path, arguments.serialization_dir)
    before = Leftovers.before(folder, emptied=arguments.force)
    prepare_folder(folder, arguments.force)
    make_file_friendly(arguments.file_friendly_logging)
    log_to(folder)

    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    try:
        trainer = build_trainer(job, read_data(job), folder)
    except BaseException:
        before.remove()
        raise
    curve = search_learning_rate(trainer, test)

    write_table(curve, folder / "lr-losses.csv")
    draw(curve, folder / "lr-losses.png")
    _print(curve.suggestion(), folder / "lr-losses.png")


def _print(rate: float | None, plot: Path) -> None:
    if rate is None:
        print("the loss never decreases")
    else:
        print(f"the loss decreases fastest at learning rate {rate:.2g}")
    print(f"plot: {plot}")


def _for_search(config: dict[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config without the settings that a search disables.

    # Parameters

    config : the config.
    filled : the same with defaults.
    """
    trainer = filled["trainer"]
    overrides = {f"trainer.{key}": value for key, value in DISABLED.items() if key in trainer}
    return with_overrides(config, overrides)
