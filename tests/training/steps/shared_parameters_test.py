"""Steps for losses that share parameters: refused for losses that do not, as autograd says."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.steps.anchored import AnchoredStep
from tests.models.building import ADVERSARY, batch_for, build_model
from tests.modules.examples import vocabulary
from tests.tiny import tiny_config

SHARED = {"reads": ["shared"]}
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("hard_sharing", {}),
    ("hard_sharing", {"head": {"type": "crf", "reads": ["encoder"]}}),
    ("hard_sharing", {"inputs": {"weibo": ["msra"]}}),
    ("asymmetric", {"sources": {"weibo": ["msra"]}}),
    ("asymmetric", {"sources": {"weibo": ["msra"]}, "join": "tower"}),
    ("adversarial", {"objectives": [{**ADVERSARY, "reads": ["msra"]}]}),
    ("adversarial", {"objectives": [{"type": "orthogonality"}, {"type": "mmd", **SHARED}]}),
    ("adversarial", {"objectives": [{"type": "conditional_adversarial", "head": "weibo"}]}),
    ("hard_sharing", {"objectives": [{"type": "distillation", "head": "weibo"}]}),
    ("cross_stitch", {}),
    ("mmoe", {"num_experts": 2}),
    ("ple", {"num_levels": 2}),
]


@pytest.mark.parametrize(("model_type", "settings"), MODELS, ids=str)
@pytest.mark.parametrize("frozen", [(), ("encoder.",), ("encoder.", "towers.shared.")])
def test_parameters_of_losses_are_those_with_a_gradient(
    model_type: str, settings: dict[str, Any], frozen: tuple[str, ...]
) -> None:
    model = build_model(model_type, vocabulary(), **settings)
    batch = batch_for(model.vocab, targets_of=model.targets)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen))
    trained = {name: own for name, own in model.named_parameters() if own.requires_grad}
    expected = {}
    for loss in model.trainable_by_loss():
        value = model(batch, 0.5)["losses"][loss]
        gradients = torch.autograd.grad(value, [*trained.values()], allow_unused=True)
        pairs = zip(trained, gradients, strict=True)
        expected[loss] = {name for name, gradient in pairs if gradient is not None}
    assert model.trainable_by_loss() == expected


def config_of(step: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    """Three tasks with a tower each over a frozen encoder; only MSRA reads the tower of Weibo."""
    return tiny_config(
        model__type="hard_sharing",
        trainer__num_epochs=1,
        trainer__no_grad=["^encoder"],
        trainer__step=step,
        **overrides,
    )


MSRA_READS = {"model__heads": {"msra": {"type": "crf", "reads": ["msra", "weibo"]}}}
ANCHORED = {"type": "anchored", "target": "weibo"}


@pytest.mark.parametrize(
    ("step", "overrides", "path"),
    [
        (ANCHORED, {}, "auxiliaries"),
        ({**ANCHORED, "auxiliaries": ["heads.msra"]}, {}, "auxiliaries.0"),
        ({**ANCHORED, "auxiliaries": ["heads.msra", "heads.msr"]}, MSRA_READS, "auxiliaries.1"),
    ],
)
def test_nothing_to_protect(
    step: dict[str, Any], overrides: dict[str, Any], path: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"no trainable parameter in common") as error:
        train_model(config_of(step, **overrides), tmp_path)
    assert error.value.path == f"trainer.step.{path}"


def test_one_loss_to_protect_the_target_from_is_enough(tmp_path: Path) -> None:
    metrics = train_model(config_of(ANCHORED, **MSRA_READS), tmp_path)
    assert "training_msra_target_cosine" in metrics
    assert "training_msr_target_cosine" not in metrics


def test_nothing_to_aggregate(tmp_path: Path) -> None:
    pytest.importorskip("torchjd")
    with pytest.raises(ConfigurationError, match="nothing to aggregate") as error:
        train_model(config_of({"type": "aggregated"}), tmp_path)
    assert error.value.path == "trainer.step"


def test_a_model_that_does_not_tell_is_not_refused() -> None:
    class Silent(torch.nn.Module):
        def trainable_by_loss(self) -> dict[str, set[str]]:
            return {}

    AnchoredStep("weibo").attach(Silent())  # type: ignore[arg-type]
