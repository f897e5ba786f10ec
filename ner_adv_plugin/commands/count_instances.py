"""`allennlp count-instances`."""

import argparse

from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `count-instances`."""
    parser.add_argument("param_path", help="Jsonnet config")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")


def run(arguments: argparse.Namespace) -> None:
    """Print the number of sentences by split and dataset, and of leaked training sentences."""
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import read_data

    log_to()
    job = checked_job(load_config(arguments.param_path, arguments.overrides))
    job.check_paths()
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
