"""Text without labels that nothing uses: whether it changes what a model learns."""

from typing import Any

import pytest
import torch

from ner_adv_plugin.runs.config_checks import checked_job
from tests.tiny import DATA, model_and_loader, tiny_config

ADVERSARY = {"type": "domain_adversarial"}
OBJECTIVES: list[list[dict[str, Any]]] = [
    [],
    [ADVERSARY],
    [{**ADVERSARY, "discriminates": "task"}],
    [{"type": "conditional_adversarial", "head": "weibo"}],
    [{"type": "wasserstein"}],
    [{"type": "mmd"}],
    [{"type": "coral"}],
    [{"type": "orthogonality"}],
    [{"type": "orthogonality"}, {"type": "mmd"}],
]


def config_of(objectives: list[dict[str, Any]], **overrides: Any) -> dict[str, Any]:
    """A config with reviews without labels, in a domain with other datasets."""
    return tiny_config(
        dataset_reader__readers__reviews={"type": "unlabelled", "domain": "social"},
        train_data_path__reviews=str(DATA / "unlabelled" / "reviews.txt"),
        model__objectives=objectives,
        **overrides,
    )


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text.split(":")[0] for text in caplog.messages if "text without labels" in text]


@pytest.mark.parametrize("objectives", OBJECTIVES, ids=str)
def test_text_without_a_gradient_is_named(
    objectives: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(objectives)
    checked_job(config)
    named = bool(warnings(caplog))

    model, loader = model_and_loader(config)
    (batch,) = loader.batches(loader.plan(0, 1)[:1], 0, 1)
    reviews = [i for i, head in enumerate(batch.heads) if head is None]
    assert reviews
    seen: list[torch.Tensor] = []
    encoder: Any = model.encoder
    encoder.register_forward_hook(lambda _, __, states: seen.append(states))
    loss = model(batch, 0.5)["loss"]
    (states,) = seen
    (gradient,) = torch.autograd.grad(loss, states)
    assert named == (not gradient[reviews].any())


def test_what_else_uses_it(caplog: pytest.LogCaptureFixture) -> None:
    weighting = {"msra": {"type": "domain_similarity", "target": "reviews"}}
    checked_job(config_of([], trainer__instance_weighting=weighting))
    distilled = {"type": "distillation", "head": "weibo", "teachers": None}
    staged = config_of([distilled])
    staged["stages"] = [
        {"name": "first", "datasets": ["weibo", "msra", "msr"], "model": {"objectives": []}},
        {"name": "second", "trainer": {"num_epochs": 1}},
    ]
    checked_job(staged)
    assert not warnings(caplog)

    staged["model"]["objectives"][0]["datasets"] = ["weibo"]
    checked_job(staged)
    assert warnings(caplog) == ["dataset_reader.readers.reviews"]
