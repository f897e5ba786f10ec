"""Objectives with targets of their own, in every model that takes objectives."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch, share_totals
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerCharacter, PerSentence, Targets
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.objectives import Objective, Statistics
from ner_adv_plugin.modules.towers import TowerStates
from tests.models.building import ADVERSARY, LENGTHS, batch_for, build_model
from tests.modules.examples import vocabulary

VOCAB = vocabulary()
MODELS: list[tuple[str, dict[str, Any], str]] = [
    ("hard_sharing", {}, "weibo"),
    ("asymmetric", {"sources": {"weibo": ["msra"]}}, "msra"),
    ("adversarial", {}, "shared"),
]
each_model = pytest.mark.parametrize(
    ("kind", "settings", "tower"), MODELS, ids=[kind for kind, _, _ in MODELS]
)


@Objective.register("test_sizes")
class Sizes(Objective):
    """Predicts the length of a sentence, and how far each character is from its end."""

    def __init__(self, vocab: Vocabulary, dims: Mapping[str, int], reads: list[str]) -> None:
        super().__init__(reads)
        size = sum(dims[name] for name in reads)
        self.length, self.rest = torch.nn.Linear(size, 1), torch.nn.Linear(size, 1)

    def targets(self, dataset: EncodedDataset) -> Targets:
        rest = [np.arange(length)[::-1] / 10 for length in dataset.lengths]
        return {
            "length": PerSentence((dataset.lengths / 10).astype(np.float32)),
            "rest": PerCharacter(np.concatenate(rest).astype(np.float32)),
        }

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        (tower,) = self.reads
        states_BLD, mask_BL = states[tower].states_BLD, batch.mask_BL
        assert (
            set(batch.targets) == {"length", "rest"}
            and batch.targets["rest"].shape == mask_BL.shape
        )
        mean_BD = states_BLD.masked_fill(~mask_BL.unsqueeze(-1), 0.0).sum(
            1
        ) / batch.lengths_B.unsqueeze(1)
        length_B = (self.length(mean_BD).squeeze(1) - batch.targets["length"]).square()
        rest_BL = (
            (self.rest(states_BLD).squeeze(2) - batch.targets["rest"])
            .square()
            .masked_fill(~mask_BL, 0.0)
        )
        return (length_B + rest_BL.sum(1) / batch.lengths_B).sum() / batch.total, {}


def model_of(kind: str, settings: dict[str, Any], tower: str) -> SharingModel:
    """With an adversary as well, so that each has its own targets, or none."""
    objectives = [{**ADVERSARY, "reads": [tower]}, {"type": "test_sizes", "reads": [tower]}]
    return build_model(kind, VOCAB, objectives=objectives, **settings)


@each_model
def test_it_learns_from_its_targets(kind: str, settings: dict[str, Any], tower: str) -> None:
    model = model_of(kind, settings, tower)
    batch = batch_for(VOCAB, targets_of=model.targets)

    def own_loss() -> Tensor:
        loss, count = model(batch, 0.5)["statistics"]["objective_1_objective_loss"]
        return loss / count

    optimizer, before = torch.optim.Adam(model.parameters(), 0.02), own_loss()
    for _ in range(100):
        optimizer.zero_grad()
        model(batch, 0.5)["losses"]["objectives.1"].backward()
        optimizer.step()
    assert own_loss() < 0.1 * before


@each_model
def test_every_dataset_has_targets_and_each_owner_its_own(
    kind: str, settings: dict[str, Any], tower: str
) -> None:
    model = model_of(kind, settings, tower)
    batch = batch_for(VOCAB, targets_of=model.targets)
    assert set(batch.all_targets) == {"heads.weibo", "heads.msra", "heads.msr", "objectives.1"}
    assert not batch.owned_by("objectives.0").targets
    targets = batch.owned_by("objectives.1").targets
    assert sorted(targets["length"].tolist()) == pytest.approx(
        sorted(n / 10 for own in LENGTHS.values() for n in own)
    )
    for i, length in enumerate(batch.lengths):
        assert targets["rest"][i].tolist() == pytest.approx(
            [(length - 1 - at) / 10 for at in range(length)] + [0.0] * (max(batch.lengths) - length)
        )


@each_model
def test_micro_batches_add_up_to_the_global_batch(
    kind: str, settings: dict[str, Any], tower: str
) -> None:
    model = model_of(kind, settings, tower)
    batch = batch_for(VOCAB, targets_of=model.targets)
    parts = [
        batch.sentences_of("weibo"),
        [i for i, head in enumerate(batch.heads) if head != "weibo"],
    ]
    outputs = [
        model(part, 0.5) for part in share_totals([batch.select(sentences) for sentences in parts])
    ]
    torch.testing.assert_close(sum(output["loss"] for output in outputs), model(batch, 0.5)["loss"])


def test_prediction_needs_no_targets() -> None:
    model = model_of("adversarial", {}, "shared").eval()
    batch = batch_for(VOCAB, targets_of=model.targets)
    with torch.no_grad():
        bare, with_targets = (
            model.predict(batch.unlabelled(), "weibo"),
            model.predict(batch, "weibo"),
        )
    assert bare[0] == with_targets[0] and bare[1] is None


def test_one_task_takes_no_objectives() -> None:
    with pytest.raises(ConfigurationError, match="model.objectives: unknown key"):
        build_model(
            "crf_tagger",
            vocabulary("weibo"),
            objectives=[{"type": "test_sizes", "reads": ["weibo"]}],
        )
