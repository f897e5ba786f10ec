"""The config of a small run with instance weights, and the weights that it finds."""

from typing import Any

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from tests.tiny import DATA, tiny_config

CONFIDENCE = {"type": "confidence", "head": "weibo", "batch_size": 7}
SIMILARITY = {"type": "domain_similarity", "target": "weibo"}


def config_of_run(head: str = "crf", **weighting: Any) -> dict[str, Any]:
    """Make a config with unlabelled sentences and a head of a type for Weibo."""
    config = tiny_config(
        data_loader__batch_size=8,
        trainer__num_epochs=3,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__instance_weighting=weighting,
        model__heads={"weibo": {"type": head}},
    )
    readers = config["dataset_reader"]["readers"]
    readers["reviews"] = {"type": "unlabelled", "domain": "social"}
    for reader in readers.values():
        reader["max_instances"] = 12
    config["train_data_path"]["reviews"] = str(DATA / "unlabelled" / "reviews.txt")
    return config


def weighted_sentences(
    model_and_sentences: tuple[Model, dict[str, EncodedDataset]],
    weighting: InstanceWeighting,
    dataset: str,
) -> EncodedDataset:
    weighting.bind(dataset, model_and_sentences[1], model_and_sentences[0])
    weighting.before_epoch(0)
    return weighting.sentences
