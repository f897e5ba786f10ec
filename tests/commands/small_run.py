"""The config of a small run, and the files that it leaves."""

from typing import Any

from tests.tiny import single_task_config

FILES = {
    "config.json",
    "data.json",
    "meta.json",
    "out.log",
    "vocabulary",
    "metrics_epoch_0.json",
    "metrics.json",
    "checkpoints",
    "best.th",
    "model.tar.gz",
    "log",
}


def small(**overrides: Any) -> dict[str, Any]:
    return single_task_config(
        trainer__num_epochs=1,
        trainer__callbacks=["tensorboard"],
        dataset_reader__max_instances=8,
        **overrides,
    )
