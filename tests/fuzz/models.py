"""The model that all inputs share: trained once, in seconds."""

from pathlib import Path

from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import tiny_config

HEADS = ("weibo", "msra", "msr")


def trained(folder: Path) -> Path:
    """Train a model of three tasks in a folder, if it is not there; return its archive."""
    if not (folder / "run" / "model.tar.gz").is_file():
        train_model(tiny_config(trainer__num_epochs=10, evaluate_on_test=False), folder / "run")
    return folder / "run" / "model.tar.gz"
