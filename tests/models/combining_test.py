"""Cross-stitch network, MMoE and PLE: against loops over sentences, characters and experts."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.models.building import batch_for, build_model
from tests.modules.examples import vocabulary
from tests.tiny import tiny_config

VOCAB = vocabulary()
TASKS = ["weibo", "msra", "msr"]
# The states of a sentence, one vector per character.
States = list[Tensor]


def run(model: SharingModel, name: str, states: States) -> States:
    """Run a tower over one sentence."""
    inputs = torch.stack(states)[None]
    return [*model.towers[name](inputs, torch.ones(1, len(states), dtype=torch.bool))[0]]


def mixture(model: SharingModel, name: str, selector: States, experts: list[States]) -> States:
    """Mix the states of experts, with a softmax written as a loop."""
    weight = model.towers[name].gate.weight  # type: ignore[union-attr]
    mixed = []
    for position, x in enumerate(selector):
        scores = [
            math.exp(sum(float(a * b) for a, b in zip(row, x, strict=True))) for row in weight
        ]
        vectors = [states[position] for states in experts]
        terms = [
            score / sum(scores) * vector for score, vector in zip(scores, vectors, strict=True)
        ]
        mixed.append(sum(terms, torch.zeros_like(vectors[0])))
    return mixed


def mmoe(model: SharingModel, x: States, task: str) -> States:
    return mixture(model, task, x, [run(model, f"expert_{i}", x) for i in (1, 2, 3)])


def ple(model: SharingModel, x: States, task: str) -> States:
    """Two levels, with two experts of each task and one shared expert at each."""
    first = {owner: [run(model, f"{owner}_1_{i}", x) for i in (1, 2)] for owner in TASKS}
    shared = run(model, "shared_1_1", x)
    every = [*(states for own in first.values() for states in own), shared]
    own_mixture = mixture(model, f"{task}_1", x, [*first[task], shared])
    shared_mixture = mixture(model, "shared_1", x, every)
    second = [run(model, f"{task}_2_{i}", own_mixture) for i in (1, 2)]
    return mixture(model, task, own_mixture, [*second, run(model, "shared_2_1", shared_mixture)])


def cross_stitch(model: SharingModel, x: States, task: str) -> States:
    """Two layers, alpha drawn at random."""

    def stitched(name: str, states: dict[str, States]) -> States:
        alpha = model.towers[name].alpha  # type: ignore[union-attr]
        return [
            sum(
                (alpha[i] * states[other][position] for i, other in enumerate(TASKS)),
                torch.zeros_like(states[task][position]),
            )
            for position in range(len(x))
        ]

    first = {name: run(model, f"{name}_1", x) for name in TASKS}
    second = {
        name: run(model, f"{name}_2", stitched(f"{name}_1_stitched", first)) for name in TASKS
    }
    return stitched(task, second)


MODELS: dict[str, tuple[dict[str, Any], Callable[[SharingModel, States, str], States]]] = {
    "mmoe": ({"num_experts": 3}, mmoe),
    "ple": ({"num_levels": 2, "num_experts": 2, "num_shared_experts": 1}, ple),
    "cross_stitch": ({"num_layers": 2}, cross_stitch),
}


@torch.no_grad()
def expected_loss(
    model: SharingModel, batch: Batch, states_of: Callable[[SharingModel, States, str], States]
) -> Tensor:
    """The loss by its definition, sentence by sentence."""
    total = torch.zeros(())
    for task in TASKS:
        head: Any = model.heads[task]
        sentences = batch.sentences_of(task)
        for sentence in sentences:
            part = batch.owned_by(f"heads.{task}").select([sentence])
            states = torch.stack(states_of(model, [*model.encoder(part)[0]], task))
            loss = head.crf(head.projection(states)[None], part.targets["tags"], part.mask_BL)
            total += loss[0] / batch.lengths[sentence] / len(sentences)
    return total


@pytest.mark.parametrize("model_type", MODELS)
def test_loss_equals_that_of_loops(model_type: str) -> None:
    settings, states_of = MODELS[model_type]
    model, batch = build_model(model_type, VOCAB, **settings), batch_for(VOCAB)
    # Nearly uniform gates and equal rows of alpha would hide mistakes.
    for name, parameter in model.named_parameters():
        if "gate" in name or "alpha" in name:
            torch.nn.init.normal_(parameter)
    assert_close(model(batch)["loss"].detach(), expected_loss(model, batch, states_of))


def test_alpha_starts_near_the_own_task() -> None:
    model = build_model("cross_stitch", VOCAB, same=0.8)
    alpha = torch.stack([model.towers[task].alpha.detach() for task in TASKS])  # type: ignore[misc]
    assert_close(alpha, torch.full((3, 3), 0.1) + 0.7 * torch.eye(3))


def test_sentences_run_over_the_towers_of_all_tasks_that_they_need() -> None:
    batch = batch_for(VOCAB)
    weibo = batch.sentences_of("weibo")
    labelled = [i for i, head in enumerate(batch.heads) if head is not None]
    for model_type, expected in {
        "mmoe": {"expert_1": labelled, "weibo": weibo},
        "ple": {"msra_1_1": labelled, "weibo_2_1": weibo, "shared_2_1": labelled},
        "cross_stitch": {"msra_1": labelled, "weibo": weibo},
    }.items():
        routes = build_model(model_type, VOCAB).routes(batch)
        assert {name: routes[name] for name in expected} == expected
    # With one level, experts of a task serve this task alone.
    one_level = build_model("ple", VOCAB, num_levels=1)
    assert one_level.routes(batch)["weibo_1_1"] == weibo and "shared_1" not in one_level.towers


@pytest.mark.parametrize(
    ("model_type", "settings", "message"),
    [
        (
            "mmoe",
            {"towers": {"weibo": {"type": "gru", "hidden_size": 6}}},
            "model.towers.weibo: expected another tower.* Its other towers: expert_1, expert_2",
        ),
        ("ple", {"inputs": {"weibo_1": ["encoder"]}}, "model.inputs.weibo_1: expected another"),
        (
            "mmoe",
            {"towers": {"expert_9": {"type": "gru", "hidden_size": 6}}},
            'model.towers.expert_9: nothing reads this tower. Did you mean "expert_',
        ),
        (
            "mmoe",
            {"towers": {"expert_2": {"type": "gru", "hidden_size": 5}}},
            "model.towers: only towers with states of the same size .* found sizes 5, 6",
        ),
        ("cross_stitch", {"same": 1.5}, "model.same: expected a number from 0 to 1, found 1.5"),
    ],
)
def test_errors(model_type: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_model(model_type, VOCAB, **settings)


def named(head: str) -> dict[str, Any]:
    """Settings that give the head of MSRA another name."""
    return {"dataset_reader__readers__msra__head": head}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model__type": "mmoe", "model__num_experts": 0}, "num_experts: expected 1 or more"),
        ({"model__type": "ple", "model__num_levels": 0}, "num_levels: expected 1 or more"),
        ({"model__type": "ple", "model__num_experts": 0}, "num_experts: expected 1 or more"),
        (
            {"model__type": "ple", "model__num_shared_experts": 0},
            r"model\.num_shared_experts: expected 1 or more, found 0",
        ),
        ({"model__type": "cross_stitch", "model__num_layers": 0}, "num_layers: expected 1 or"),
        ({"model__type": "mmoe", **named("expert_1")}, 'have the name "expert_1"'),
        ({"model__type": "ple", **named("weibo_1")}, 'have the name "weibo_1_1"'),
        ({"model__type": "ple", **named("shared")}, 'a head cannot be named "shared"'),
        ({"model__type": "cross_stitch", "model__same": -1}, "same: expected a number from 0"),
        (
            {"model__type": "ple", "model__towers": {"shared_1": {"type": "gru"}}},
            "model.towers.shared_1",
        ),
    ],
)
def test_errors_before_data_is_read(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked_job(tiny_config(**settings))


def test_one_task_has_nothing_to_stitch() -> None:
    with pytest.raises(ConfigurationError, match="model.type: expected two tasks or more"):
        build_model("cross_stitch", vocabulary("weibo"))


class TestCombining(MultiTaskModelTestCase):
    @pytest.mark.parametrize("name", ["cross_stitch", "mmoe", "ple"])
    def test_trains_saves_and_loads(self, name: str, root: Path) -> None:
        self.set_up_model(root / f"fixtures/configs/{name}.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
