"""The loss of an objective is the same whatever other objectives and heads a model has."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from tests.data.global_batch import share_totals
from tests.tiny import ROOT, model_and_loader, tiny_config

DISCRIMINATOR = {"type": "domain_adversarial", "dropout": 0.0}
OBJECTIVES: list[dict[str, Any]] = [
    {"type": "orthogonality"},
    {**DISCRIMINATOR, "discriminates": "task"},
    # These two let private towers run over sentences of other tasks.
    {**DISCRIMINATOR, "reads": ["weibo"]},
    {"type": "conditional_adversarial", "head": "weibo", "dropout": 0.0},
]
PLANNED = [(name, index) for name in ("weibo", "msra", "msr", "reviews") for index in range(3)]


def built(objectives: list[dict[str, Any]]) -> tuple[SharingModel, Batch]:
    """A model without dropout, and a batch with raw text that a masked language model trains on."""
    config = tiny_config(
        model__objectives=objectives,
        model__encoder__dropout=0.0,
        model__head__dropout=0.0,
        model__heads={"reviews": {"type": "masked_lm"}},
    )
    config["dataset_reader"]["readers"]["reviews"] = {
        "type": "unlabelled",
        "head": "reviews",
        "max_instances": 30,
    }
    config["train_data_path"]["reviews"] = str(ROOT / "fixtures/data/unlabelled/reviews.txt")
    model, loader = model_and_loader(config)
    assert isinstance(model, SharingModel)
    loader.plan(0)
    (batch,) = share_totals(loader.batches([PLANNED]))
    return model.train(), batch


@pytest.fixture(scope="module")
def distilled(tiny_run: Path) -> dict[str, Any]:
    return {"type": "distillation", "head": "weibo", "teachers": [str(tiny_run)]}


def test_other_objectives_change_nothing(distilled: dict[str, Any]) -> None:
    together, batch = built([*OBJECTIVES, distilled])
    losses = together(batch, 0.5)["losses"]
    assert batch.units["heads.reviews"] > 0 and batch.units[f"objectives.{len(OBJECTIVES)}"] > 0
    for index, objective in enumerate([*OBJECTIVES, distilled]):
        own = f"objectives.{index}."
        alone, same_batch = built([objective])
        alone.load_state_dict(
            {
                name.replace(own, "objectives.0."): value
                for name, value in together.state_dict().items()
                if not name.startswith("objectives.") or name.startswith(own)
            }
        )
        loss = alone(same_batch, 0.5)["losses"]["objectives.0"]
        assert_close(loss, losses[f"objectives.{index}"], msg=str(objective))


def test_the_mean_is_over_sentences_not_masked_characters() -> None:
    model, batch = built([OBJECTIVES[1]])
    assert batch.labelled_total == len(PLANNED) == batch.total
    discriminator: Any = model.objectives[0]
    seen: list[torch.Tensor] = []
    discriminator.loss.register_forward_hook(lambda module, inputs, loss_B: seen.append(loss_B))
    loss = model(batch, 0.5)["losses"]["objectives.0"]
    assert_close(loss, discriminator.weight_at(0.5) * seen[0].sum() / len(PLANNED))
