"""Training and validation report the loss of a task in one unit: nats per character."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import model_and_loader, tiny_config
from tests.training.callbacks.helpers import curves

HEADS = ("crf", "softmax", "pytorch_crf", "biaffine", "global_pointer")
NAMES = ("weibo", "msr")


def config_of(head: str, normalize_by: str, **overrides: Any) -> dict[str, Any]:
    """Validate on the training sentences, without dropout and with learning rate 0."""
    config = tiny_config(
        data_loader__leakage="allow",
        model__encoder__dropout=0.0,
        model__head={"type": "crf", "dropout": 0.0, "normalize_by": normalize_by},
        model__heads={"weibo": {"type": head, "dropout": 0.0, "normalize_by": normalize_by}},
        trainer__optimizer={"type": "sgd", "lr": 0.0},
        trainer__num_epochs=1,
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
        **overrides,
    )
    config["validation_data_path"] = {name: config["train_data_path"][name] for name in NAMES}
    return config


def recomputed(config: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """Mean over sentences of the loss of a sentence alone, divided by its characters."""
    model, loader = model_and_loader(config)
    assert isinstance(model, SharingModel)
    model.load_state_dict(torch.load(folder / "best.th", weights_only=True))
    model.eval()
    return {name: mean_loss(model, loader.sentences()[name]) for name in NAMES}


@torch.no_grad()
def mean_loss(model: SharingModel, dataset: EncodedDataset) -> float:
    name = dataset.dataset
    losses = []
    for sentence in range(len(dataset)):
        batch = collate([(dataset, sentence)]).owned_by(f"heads.{name}")
        characters = len(dataset.text(sentence))
        shared, own = model.towers["shared"], model.towers[name]
        encoded = model.encoder(batch)
        states = torch.cat([shared(encoded, batch.mask_BL), own(encoded, batch.mask_BL)], -1)
        head = model.heads[name]
        output = head(states, batch)
        losses.append(float(head.loss(output, batch)) / characters)
    return sum(losses) / len(losses)


@pytest.mark.parametrize("normalize_by", ["characters", "sentences"])
@pytest.mark.parametrize("head", HEADS)
def test_training_and_validation_loss_on_the_same_data_are_equal(
    head: str, normalize_by: str, tmp_path: Path
) -> None:
    config = config_of(head, normalize_by)
    metrics = train_model(config, tmp_path)
    on_disk = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    epoch = json.loads((tmp_path / "metrics_epoch_0.json").read_text(encoding="utf-8"))
    expected = recomputed(config, tmp_path)
    for name in NAMES:
        for found in (metrics, on_disk, epoch):
            assert found[f"training_{name}_loss"] == pytest.approx(expected[name], rel=1e-4)
            assert found[f"validation_{name}_loss"] == pytest.approx(expected[name], rel=1e-4)

    train, validation = curves(tmp_path, "train"), curves(tmp_path, "validation")
    # No curve of one name has two units.
    losses = {name for name in train if name.endswith("loss")} & set(validation)
    assert losses == {"weibo_loss", "msr_loss"}
    steps = [value for _, value in train["weibo_loss"]]
    assert min(steps) <= expected["weibo"] <= max(steps)
    assert validation["weibo_loss"][0][1] == pytest.approx(expected["weibo"], rel=1e-4)


def test_the_optimized_loss_has_the_unit_of_the_config(tmp_path: Path) -> None:
    runs = {
        normalize_by: train_model(config_of("crf", normalize_by), tmp_path / normalize_by)
        for normalize_by in ("characters", "sentences")
    }
    by_characters, by_sentences = runs["characters"], runs["sentences"]
    name = "training_weibo_optimized_loss"
    assert by_characters[name] == pytest.approx(by_characters["training_weibo_loss"], rel=1e-5)
    assert by_sentences[name] > 5 * by_sentences["training_weibo_loss"]
    assert by_sentences["training_weibo_loss"] == pytest.approx(
        by_characters["training_weibo_loss"], rel=1e-4
    )


def test_a_uniform_softmax_loses_the_logarithm_of_the_number_of_tags() -> None:
    """With all weights 0 every tag of every character has probability 1 / T."""
    model, loader = model_and_loader(config_of("softmax", "sentences"))
    assert isinstance(model, SharingModel)
    for parameter in model.heads["weibo"].parameters():
        torch.nn.init.zeros_(parameter)
    dataset = loader.sentences()["weibo"]
    batch = collate([(dataset, sentence) for sentence in range(len(dataset))])
    batch.weights_B = torch.linspace(0.1, 1.0, len(batch))
    total, count = model(batch)["statistics"]["weibo_loss"]
    # Instance weights, too, do not change the unit.
    tags = len(model.heads["weibo"].labels)
    assert float(total) / count == pytest.approx(math.log(tags), rel=1e-5)
