"""The base classes of tests find the faults that they are made for."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.models import HardSharing, Model
from ner_adv_plugin.testing import ModelTestCase, MultiTaskModelTestCase

Prediction = tuple[list[list[ScoredSpan]], Tensor | None]


class Faulty(HardSharing):
    """A model with a parameter `extra` that only subclasses use."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra = torch.nn.Parameter(torch.zeros(2))
        self.calls = 0
        self.partial = kwargs.get("only_heads") is not None


@Model.register("test_deaf")
class Deaf(Faulty):
    """No gradient reaches `extra`."""


@Model.register("test_silent")
class Silent(Faulty):
    """The gradient of `extra` is always zero."""

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        output = super().forward(batch, progress)
        return {**output, "loss": output["loss"] + 0 * self.extra.sum()}


@Model.register("test_broken")
class Broken(Faulty):
    """The gradient of `extra` is not finite."""

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        output = super().forward(batch, progress)
        return {**output, "loss": output["loss"] + self.extra.sqrt().sum()}


@Model.register("test_sociable")
class Sociable(Faulty):
    """Spans depend on the other sentences of the batch."""

    def predict(self, batch: Batch, head: str, scored: bool = True) -> Prediction:
        spans, loss_B = super().predict(batch, head, scored)
        return (one_more(spans) if len(batch) > 1 else spans), loss_B


@Model.register("test_forgetful")
class Forgetful(Faulty):
    """Losses depend on a value that is not saved."""

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        self.calls += 1
        return super().forward(batch, progress)

    def predict(self, batch: Batch, head: str, scored: bool = True) -> Prediction:
        spans, loss_B = super().predict(batch, head, scored)
        return spans, None if loss_B is None else loss_B + self.calls


@Model.register("test_halved")
class Halved(Faulty):
    """Spans differ if only some heads are loaded."""

    def predict(self, batch: Batch, head: str, scored: bool = True) -> Prediction:
        spans, loss_B = super().predict(batch, head, scored)
        return (one_more(spans) if self.partial and head == "msra" else spans), loss_B


@Model.register("test_unsure")
class Unsure(Faulty):
    """Scores, but not spans, depend on the other sentences of the batch."""

    def predict(self, batch: Batch, head: str, scored: bool = True) -> Prediction:
        spans, loss_B = super().predict(batch, head, scored)
        lowered = [[span._replace(score=span.score / len(batch)) for span in own] for own in spans]
        return lowered, loss_B


def one_more(spans: list[list[ScoredSpan]]) -> list[list[ScoredSpan]]:
    """Return spans with one more in each sentence."""
    return [[ScoredSpan(0, 1, "LOC", 0.5), *own] for own in spans]


def case_of(
    root: Path, kind: str, base: type[ModelTestCase] = MultiTaskModelTestCase
) -> ModelTestCase:
    case = base()
    overrides = {"model.type": kind, "dataset_reader.readers.msra.max_instances": 4}
    case.set_up_model(root / "fixtures/configs/hard_sharing.jsonnet", json.dumps(overrides))
    return case


@pytest.mark.parametrize("kind", ["test_deaf", "test_silent"])
def test_a_parameter_without_gradient_is_named_unless_ignored(kind: str, root: Path) -> None:
    case = case_of(root, kind)
    with pytest.raises(AssertionError, match="no batch gives these parameters a gradient: extra$"):
        case.ensure_model_can_train_save_and_load()
    case.ensure_gradients_reach_parameters(gradients_to_ignore=["extra"])


def test_a_gradient_that_is_not_finite_is_named(root: Path) -> None:
    with pytest.raises(AssertionError, match="batch 0: gradients that are not finite: extra$"):
        case_of(root, "test_broken").ensure_gradients_reach_parameters()


def test_predictions_that_depend_on_the_batch_are_found(root: Path) -> None:
    with pytest.raises(
        AssertionError,
        match="head msra, sentences of msra, alone and in a batch: the spans of .* differ",
    ):
        case_of(root, "test_sociable").ensure_batch_predictions_are_consistent()


def test_scores_that_depend_on_the_batch_are_found(root: Path) -> None:
    with pytest.raises(AssertionError, match="alone and in a batch"):
        case_of(root, "test_unsure").ensure_batch_predictions_are_consistent()


def test_state_that_is_not_saved_is_found(root: Path) -> None:
    with pytest.raises(AssertionError, match="loaded and as trained"):
        case_of(root, "test_forgetful").ensure_model_can_train_save_and_load(
            gradients_to_ignore=["extra"]
        )


def test_a_head_that_differs_when_loaded_alone_is_found(root: Path) -> None:
    with pytest.raises(
        AssertionError,
        match="head msra, sentences of msra, loaded and as trained: the spans of .* differ",
    ):
        case_of(root, "test_halved").ensure_model_can_train_save_and_load(
            gradients_to_ignore=["extra"]
        )
    # The base class only checks the head of the validation metric, with the whole model loaded.
    case_of(root, "test_halved", ModelTestCase).ensure_model_can_train_save_and_load(
        gradients_to_ignore=["extra"]
    )


def test_a_config_instead_of_a_file(root: Path) -> None:
    path = root / "fixtures/configs/crf_tagger.jsonnet"
    config = load_config(path)
    config["trainer"]["num_epochs"] = 50
    case = ModelTestCase()
    case.set_up_model(config, '{ "data_loader.batch_size": 5 }')
    assert config["trainer"]["num_epochs"] == 50 and case.config["trainer"]["num_epochs"] == 1
    assert case.heads == ["weibo"] and [len(batch) for batch in case.batches].count(5) == 4
    with pytest.raises(ConfigurationError, match="model.tower.type"):
        case.set_up_model(path, '{ "model.tower.type": "grru" }')
