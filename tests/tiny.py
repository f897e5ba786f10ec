"""Runs that take seconds: few sentences of the fixtures, small LSTMs, character embeddings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import collect_vocabulary, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.training.checkpoints.random_state import seed_everything

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "fixtures" / "data"
# Metrics of time and memory, which do not depend on what a model learns.
OF_THE_MACHINE = ("duration", "seconds", "memory")


def tiny_config(**overrides: Any) -> dict[str, Any]:
    """Return a config of three tasks with shared and private towers and a discriminator.

    All components have dropout. `overrides` are values by key, with two underscores instead of
    dots (`trainer__num_epochs=1`).
    """
    config = {
        "dataset_reader": {
            "type": "multitask",
            "readers": {
                "weibo": {"type": "weibo", "domain": "social", "max_instances": 40},
                "msra": {"type": "msra", "domain": "news", "max_instances": 20},
                "msr": {"type": "msr", "domain": "news", "max_instances": 20},
            },
        },
        "train_data_path": {
            "weibo": str(DATA / "weibo" / "weiboNER_2nd_conll.train"),
            "msra": str(DATA / "msra" / "train.bio"),
            "msr": str(DATA / "msr" / "msr_training.utf8"),
        },
        "validation_data_path": {"weibo": str(DATA / "weibo" / "weiboNER_2nd_conll.dev")},
        "test_data_path": {"weibo": str(DATA / "weibo" / "weiboNER_2nd_conll.test")},
        "evaluate_on_test": True,
        "model": {
            "type": "adversarial",
            "encoder": {"type": "character_embedding", "embedding_dim": 24, "dropout": 0.1},
            "tower": {"type": "lstm", "hidden_size": 16, "bidirectional": True},
            "head": {"type": "crf", "dropout": 0.1},
        },
        "data_loader": {"type": "multitask", "batch_size": 16},
        "trainer": {
            "type": "gradient_descent",
            "num_epochs": 3,
            "validation_metric": "+weibo_f1",
            "optimizer": {"type": "huggingface_adamw", "lr": 0.02},
            "cuda_device": -1,
        },
    }
    return with_overrides(
        config, {name.replace("__", "."): value for name, value in overrides.items()}
    )


def single_task_config(**overrides: Any) -> dict[str, Any]:
    """Return a config of Weibo alone; see `tiny_config`."""
    config = tiny_config()
    for key in ("train_data_path", "validation_data_path", "test_data_path"):
        config[key] = config[key]["weibo"]
    config["dataset_reader"] = config["dataset_reader"]["readers"]["weibo"]
    config["model"]["type"] = "crf_tagger"
    return with_overrides(
        config, {name.replace("__", "."): value for name, value in overrides.items()}
    )


def model_and_loader(config: Mapping[str, Any]) -> tuple[Model, DataLoader]:
    """Build the model of a config and its data loader with training sentences and targets."""
    job: TrainJob = checked_job(config)
    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    data = read_data(job)
    model: Model = job.model.construct(vocab=collect_vocabulary(job, data))
    job.data_loader.set_sentences(data.encoded("train", model), job.random_seed or 0)
    for dataset in job.data_loader.sentences().values():
        dataset.targets = model.targets(dataset)
    return model, job.data_loader


def write_config(path: Path, config: Mapping[str, Any]) -> str:
    """Write a config to a file and return its path."""
    path.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    return str(path)


def learnt(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics that do not depend on the machine."""
    return {
        name: value
        for name, value in metrics.items()
        if not any(part in name for part in OF_THE_MACHINE)
    }


def weights(path: Path) -> dict[str, torch.Tensor]:
    """Load a file of weights."""
    state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def assert_same_weights(one: Path, other: Path) -> None:
    """Assert that two files of weights are equal bit by bit."""
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []
