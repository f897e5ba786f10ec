"""`allennlp count-instances`."""

import argparse
from typing import TYPE_CHECKING

from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config

if TYPE_CHECKING:
    from ner_adv_plugin.runs.job import TrainJob


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `count-instances`."""
    parser.add_argument("param_path", help="Jsonnet config")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")


def run(arguments: argparse.Namespace) -> None:
    """Print the number of sentences by split and dataset, and of leaked ones; of every stage."""
    from ner_adv_plugin.runs.config_checks import checked_job

    log_to()
    job = checked_job(load_config(arguments.param_path, arguments.overrides))
    job.check_paths()
    if job.stages_of_run is None:
        _print_counts(job)
        return
    for name, stage in zip(job.stages_of_run.names, job.stages_of_run.jobs, strict=True):
        print(f"stage {name}")
        _print_counts(stage)


def _print_counts(job: "TrainJob") -> None:
    from ner_adv_plugin.runs.data import read_data

    data = read_data(job)

    total = 0
    for split, datasets in data.splits.items():
        for name, sentences in datasets.items():
            print(f"{split} {name}: {len(sentences)}")
        count = sum(map(len, datasets.values()))
        print(f"{split}: {count}")
        total += count
    print(f"instances: {total}")

    fate = "kept" if job.data_loader.leakage == "allow" else "left out"
    for name, count in data.leaked.items():
        print(f"leaked {name}: {count} {fate}")
    print(f"leaked: {sum(data.leaked.values())} {fate}")
