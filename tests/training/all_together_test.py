"""All methods combined: they do not influence one another, and a stopped run resumes exactly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.testing import assert_close

from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from ner_adv_plugin.training.instance_weighting import Confidence
from ner_adv_plugin.training.steps.attacks import FastGradientMethod
from ner_adv_plugin.training.steps.perturbed import PerturbedStep
from tests.data.global_batch import share_totals
from tests.stopping import stopping_before
from tests.tiny import ROOT, assert_same_weights, learnt, model_and_loader
from tests.training.steps.perturbed_test import by_hooks, gradients

FIXTURE = ROOT / "fixtures" / "configs" / "all_together.jsonnet"
OBJECTIVES = 6
# Their losses are computed on whole batches: those of micro-batches do not add up.
ALIGNMENT = ("objectives.4", "objectives.5")


def config_of(**overrides: Any) -> dict[str, Any]:
    settings = {name.replace("__", "."): value for name, value in overrides.items()}
    return with_overrides(load_config(FIXTURE), {"trainer.cuda_device": -1, **settings})


def without_dropout(*objectives: int) -> dict[str, Any]:
    """The config with some of its objectives and without dropout."""
    own = config_of()["model"]["objectives"]
    deterministic = [
        {**own[i], "dropout": 0.0} if own[i]["type"] == "domain_adversarial" else own[i]
        for i in objectives
    ]
    return config_of(model__objectives=deterministic, model__head__dropout=0.0)


@pytest.fixture(scope="module")
def model_and_batch() -> tuple[SharingModel, Batch]:
    """The model with non-zero log variances, and a batch with sentences of every dataset.

    Some sentences have weights, others labels predicted by the model.
    """
    model, loader = model_and_loader(without_dropout(*range(OBJECTIVES)))
    assert isinstance(model, SharingModel)
    for index, parameter in enumerate(model.loss_weighting.parameters()):
        parameter.data.fill_(0.5 - index)

    sentences = loader.sentences()
    sentences["msra"].weights = np.linspace(0, 1, len(sentences["msra"]), dtype=np.float32)
    weighting = Confidence("entities", wait=0)
    weighting.bind("reviews", sentences, model)
    weighting.before_epoch(0)

    (batch,) = share_totals(
        loader.batches([[(name, sentence) for name in sentences for sentence in range(6)]])
    )
    assert set(batch.heads) == {"entities", "sxu"} and 0 < batch.weights_B.mean() < 1
    return model.train(), batch


def test_no_objective_changes_another_loss(model_and_batch: tuple[SharingModel, Batch]) -> None:
    model, batch = model_and_batch
    whole = model(batch, 0.5)["losses"]
    assert list(whole) == [
        "heads.entities",
        "heads.sxu",
        *(f"objectives.{i}" for i in range(OBJECTIVES)),
    ]
    for index in range(OBJECTIVES):
        alone, _ = model_and_loader(without_dropout(index))
        own = f"objectives.{index}."
        state = {
            name.replace(own, "objectives.0."): value
            for name, value in model.state_dict().items()
            if not name.startswith("objectives.") or name.startswith(own)
        }
        alone.load_state_dict(state)
        losses = alone.train()(batch, 0.5)["losses"]
        expected = {"heads.entities": whole["heads.entities"], "heads.sxu": whole["heads.sxu"]}
        assert_close(losses, {**expected, "objectives.0": whole[f"objectives.{index}"]})


def test_gradients_of_the_perturbed_step_equal_those_of_hooks(
    model_and_batch: tuple[SharingModel, Batch],
) -> None:
    model, batch = model_and_batch
    expected = by_hooks(model, batch, FastGradientMethod(0.3), 0.7)
    found, _, _ = gradients(PerturbedStep(FastGradientMethod(0.3), 0.7), model, [batch])
    assert found.keys() == expected.keys() == dict(model.named_parameters()).keys()
    assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_micro_batches_add_up(model_and_batch: tuple[SharingModel, Batch]) -> None:
    model, batch = model_and_batch
    halves = share_totals(
        [batch.select([*range(0, len(batch), 2)]), batch.select([*range(1, len(batch), 2)])]
    )
    losses = [model(half, 0.5)["losses"] for half in halves]
    for name, loss in model(batch, 0.5)["losses"].items():
        if name not in ALIGNMENT:
            assert_close(sum(own[name] for own in losses), loss)


def test_a_stopped_run_resumes_exactly(tmp_path: Path) -> None:
    config = config_of(trainer__num_epochs=3, trainer__checkpointer={"save_every_num_batches": 2})
    whole = train_model(config, tmp_path / "whole")
    with stopping_before(6):
        train_model(config, tmp_path / "stopped")
    resumed = train_model(config, tmp_path / "stopped", recover=True)
    assert learnt(resumed) == learnt(whole)
    assert_same_weights(tmp_path / "stopped" / "best.th", tmp_path / "whole" / "best.th")
    for name in (
        "objective_0_reversal_ratio",
        "objective_2_discriminator_chance",
        "reviews_sentence_weight",
    ):
        assert 0 < whole[f"training_{name}"] < 1
    assert whole["objective_0_probe_shared_chance"] == pytest.approx(1 / 3)


class TestAllTogether(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self) -> None:
        self.set_up_model(FIXTURE)
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
