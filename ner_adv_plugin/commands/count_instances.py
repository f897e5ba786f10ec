"""`allennlp count-instances`."""

import argparse

from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command."""
    parser.add_argument("param_path", help="config, in Jsonnet")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the config")


def run(arguments: argparse.Namespace) -> None:
    """Print how many sentences every dataset of every split has, and how many training sentences hold a held-out one."""
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import read_data

    log_to()
    config = load_config(arguments.param_path, arguments.overrides)
    job = checked_job(config)
    job.check_paths()
    data = read_data(job)
    for split, datasets in data.splits.items():
        for name, sentences in datasets.items():
            print(f"{split} {name}: {len(sentences)}")
        print(f"{split}: {sum(map(len, datasets.values()))}")
    print(
        f"instances: {sum(len(sentences) for datasets in data.splits.values() for sentences in datasets.values())}"
    )
    fate = "kept" if job.data_loader.leakage == "allow" else "left out"
    for name, count in data.leaked.items():
        print(f"leaked {name}: {count} {fate}")
    print(f"leaked: {sum(data.leaked.values())} {fate}")
