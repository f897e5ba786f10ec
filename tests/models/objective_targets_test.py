"""Objectives with their own targets, in every model that has objectives."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerCharacter, PerSentence, Targets
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates
from tests.data.global_batch import share_totals
from tests.models.building import ADVERSARY, LENGTHS, batch_for, build_model
from tests.modules.examples import vocabulary

VOCAB = vocabulary()
MODELS: list[tuple[str, dict[str, Any], str]] = [
    ("hard_sharing", {}, "weibo"),
    ("asymmetric", {"sources": {"weibo": ["msra"]}}, "msra"),
    ("adversarial", {}, "shared"),
]
each_model = pytest.mark.parametrize(
    ("model_type", "settings", "tower"), MODELS, ids=[model_type for model_type, _, _ in MODELS]
)


@Objective.register("test_sizes")
class Sizes(Objective):
    """Predict the length of a sentence, and the distance of each character to its end."""

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
        sum_BD = states_BLD.masked_fill(~mask_BL.unsqueeze(-1), 0.0).sum(1)
        mean_BD = sum_BD / batch.lengths_B.unsqueeze(1)
        length_B = (self.length(mean_BD).squeeze(1) - batch.targets["length"]).square()
        rest_BL = (
            (self.rest(states_BLD).squeeze(2) - batch.targets["rest"])
            .square()
            .masked_fill(~mask_BL, 0.0)
        )
        return (length_B + rest_BL.sum(1) / batch.lengths_B).sum() / batch.total, {}


def model_of(model_type: str, settings: dict[str, Any], tower: str) -> SharingModel:
    """Build a model with two objectives, one of them without targets."""
    objectives = [{**ADVERSARY, "reads": [tower]}, {"type": "test_sizes", "reads": [tower]}]
    return build_model(model_type, VOCAB, objectives=objectives, **settings)


@each_model
def test_objective_learns_from_its_targets(
    model_type: str, settings: dict[str, Any], tower: str
) -> None:
    model = model_of(model_type, settings, tower)
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
def test_targets_of_datasets_and_owners(
    model_type: str, settings: dict[str, Any], tower: str
) -> None:
    model = model_of(model_type, settings, tower)
    batch = batch_for(VOCAB, targets_of=model.targets)
    assert set(batch.all_targets) == {"heads.weibo", "heads.msra", "heads.msr", "objectives.1"}
    assert not batch.owned_by("objectives.0").targets
    targets = batch.owned_by("objectives.1").targets
    assert sorted(targets["length"].tolist()) == pytest.approx(
        sorted(n / 10 for lengths in LENGTHS.values() for n in lengths)
    )
    for i, length in enumerate(batch.lengths):
        assert targets["rest"][i].tolist() == pytest.approx(
            [(length - 1 - position) / 10 for position in range(length)]
            + [0.0] * (max(batch.lengths) - length)
        )


@each_model
def test_micro_batches_add_up_to_the_global_batch(
    model_type: str, settings: dict[str, Any], tower: str
) -> None:
    model = model_of(model_type, settings, tower)
    batch = batch_for(VOCAB, targets_of=model.targets)
    splits = [
        batch.sentences_of("weibo"),
        [i for i, head in enumerate(batch.heads) if head != "weibo"],
    ]
    outputs = [
        model(micro_batch, 0.5)
        for micro_batch in share_totals([batch.select(sentences) for sentences in splits])
    ]
    torch.testing.assert_close(sum(output["loss"] for output in outputs), model(batch, 0.5)["loss"])


def test_prediction_needs_no_targets() -> None:
    model = model_of("adversarial", {}, "shared").eval()
    batch = batch_for(VOCAB, targets_of=model.targets)
    with torch.no_grad():
        without_targets = model.predict(batch.unlabelled(), "weibo")
        with_targets = model.predict(batch, "weibo")
    assert without_targets[0] == with_targets[0] and without_targets[1] is None


def test_crf_tagger_has_no_objectives() -> None:
    with pytest.raises(ConfigurationError, match="model.objectives: unknown key"):
        build_model(
            "crf_tagger",
            vocabulary("weibo"),
            objectives=[{"type": "test_sizes", "reads": ["weibo"]}],
        )
