"""`allennlp tune`."""

import argparse
import json
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.common.signals import interrupt_on_terminate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config, the folder, and the number of trials and processes."""
    parser.add_argument("param_path", help="Jsonnet config with a search space")
    parser.add_argument(
        "-s", "--serialization-dir", required=True, type=Path, help="folder of the trials"
    )
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")
    parser.add_argument("--trials", type=int, default=20, help="number of trials in all (20)")
    parser.add_argument("--jobs", type=int, default=1, help="trials trained side by side (1)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampler (0)")
    parser.add_argument(
        "--run-seeds",
        type=_seeds,
        default=(),
        metavar="SEEDS",
        help="seeds that train each trial, such as 0,1,2: its score is the mean (that of the"
        " config)",
    )
    parser.add_argument(
        "--retry", action="store_true", help="train others in place of failed trials"
    )


def _seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of `--run-seeds`."""
    words = text.split(",")
    seeds = tuple(int(word) for word in words if word.strip().isdecimal())
    if len(seeds) < len(words) or len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f'expected different seeds, such as 0,1,2, found "{text}"')
    return seeds


def run(arguments: argparse.Namespace) -> None:
    """Train trials, resume those that were killed, and write the best config."""
    from ner_adv_plugin.studies.executors import LocalExecutor
    from ner_adv_plugin.studies.tuning import SearchSpace, TrialSettings, import_optuna, tune

    log_to()
    import_optuna()
    for name, least in (("trials", 1), ("jobs", 1), ("seed", 0)):
        if (value := getattr(arguments, name)) < least:
            raise UserError(f"--{name}: expected {least} or more, found {value}")
    space = SearchSpace(load_config(arguments.param_path, arguments.overrides))
    space.check().check_paths()

    folder = arguments.serialization_dir
    settings = TrialSettings(arguments.trials, arguments.seed, arguments.run_seeds, arguments.retry)
    with interrupt_on_terminate():
        best = tune(
            space,
            folder,
            settings,
            LocalExecutor(arguments.jobs),
            arguments.include_package,
        )

    print(f"best: trial {best.number}, {best.metric} {best.value:.4f}")
    for name, value in best.values.items():
        share = best.importances.get(name)
        shown = "" if share is None else f" (importance {share:.2f})"
        print(f"  {name} {json.dumps(value, ensure_ascii=False)}{shown}")
    print(f"config: {folder / 'best.jsonnet'}, trials: {folder / 'trials.csv'}")
