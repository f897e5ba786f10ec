"""Discriminator conditioned on predictions, against loops over characters and tags."""

import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.heads import TaggingHead
from ner_adv_plugin.modules.objectives import ConditionalAdversarial
from ner_adv_plugin.modules.towers import TowerStates
from ner_adv_plugin.runs.config_checks import checked_job
from tests.models.building import HEAD, batch_for, build_model
from tests.modules.examples import vocabulary
from tests.modules.objectives.example import States, example, micro_batches, objective_of
from tests.tiny import model_and_loader, tiny_config

DIM = 3
TAGS = 4


def adversary(**settings: Any) -> ConditionalAdversarial:
    objective = objective_of(
        "conditional_adversarial",
        tag_counts={"weibo": TAGS},
        **{"head": "weibo", "dropout": 0.0, **settings},
    )
    assert isinstance(objective, ConditionalAdversarial)
    return objective


def with_predictions() -> tuple[Batch, States]:
    """Sentences with states of towers, and random posteriors of a head, which are 0 at padding."""
    batch, states = example()
    tags = torch.randn(4, 5, TAGS).mul(3).softmax(-1) * batch.mask_BL[..., None]
    # A tag of probability 0 has no entropy.
    tags[0, 0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    return batch, {**states, "heads.weibo": TowerStates(tags, list(range(4)), batch)}


def maps_by_hand(batch: Batch, states: States, objective: ConditionalAdversarial) -> list[Any]:
    """The map of each sentence, number by number."""
    maps = []
    for sentence, length in enumerate(batch.lengths):
        total: list[Any] = [0.0] * (DIM * TAGS)
        if objective.randomised:
            total = [0.0] * objective.random_tags_TR.shape[1]
        for position in range(length):
            f = states["shared"].states_BLD[sentence, position]
            g = states["heads.weibo"].states_BLD[sentence, position]
            if objective.randomised:
                size = len(total)
                for r in range(size):
                    f_r = sum(f[d] * objective.random_states_DR[d, r] for d in range(DIM))
                    g_r = sum(g[t] * objective.random_tags_TR[t, r] for t in range(TAGS))
                    total[r] = total[r] + f_r * g_r / math.sqrt(size) / length
            else:
                for d in range(DIM):
                    for t in range(TAGS):
                        total[d * TAGS + t] = total[d * TAGS + t] + f[d] * g[t] / length
        maps.append(torch.stack(total))
    return maps


@pytest.mark.parametrize("settings", [{}, {"max_size": 0, "random_size": 6}, {"max_size": 12}])
@pytest.mark.parametrize("entropy_weights", [False, True])
def test_loss_and_gradients_by_hand(settings: dict[str, int], entropy_weights: bool) -> None:
    batch, states = with_predictions()
    objective = adversary(
        entropy_weights=entropy_weights,
        reversal={"type": "constant", "scale": 0.5},
        **settings,
    )
    assert objective.randomised == (settings.get("max_size") == 0)
    loss, statistics = objective(states, batch, 0.0)

    expected = torch.zeros(())
    for sentence, own in enumerate(maps_by_hand(batch, states, objective)):
        weight = 1.0
        if entropy_weights:
            entropy = 0.0
            for position in range(batch.lengths[sentence]):
                for p in states["heads.weibo"].states_BLD[sentence, position].tolist():
                    entropy -= p * math.log(p) / batch.lengths[sentence] if p else 0.0
            weight = 1 + math.exp(-entropy)
        log_p = objective.discriminator(own).log_softmax(-1)
        expected = expected - weight * log_p[batch.domain_B[sentence]] / 4
    assert_close(loss, expected)
    assert statistics["discriminator_accuracy"][1] == 4
    assert statistics["reversal_scale"] == (0.5, 1)

    inputs = [states["shared"].states_BLD, *objective.discriminator.parameters()]
    found, by_hand = (torch.autograd.grad(own, inputs) for own in (loss, expected))
    assert_close(found[0], -0.5 * by_hand[0])
    assert_close(found[1:], by_hand[1:])


def test_a_certain_prediction_is_the_mean_state_of_its_tag() -> None:
    batch, states = with_predictions()
    tags = torch.zeros(4, 5, TAGS)
    tags[..., 2] = 1.0
    states["heads.weibo"] = TowerStates(tags * batch.mask_BL[..., None], list(range(4)), batch)
    objective = adversary(reads=["shared"])
    map_BDT = objective.vectors(states["shared"].states_BLD, states, batch).view(4, DIM, TAGS)
    for sentence, length in enumerate(batch.lengths):
        mean = states["shared"].states_BLD[sentence, :length].mean(0)
        assert_close(map_BDT[sentence, :, 2], mean)
    assert not map_BDT[..., [0, 1, 3]].any()


def test_the_random_map_estimates_products_of_maps() -> None:
    """<T(f, g), T(f', g')> is f . f' g . g' on average (Long et al. 2018, theorem 1)."""
    batch, states = with_predictions()
    exact = adversary().vectors(states["shared"].states_BLD, states, batch)
    objective = adversary(max_size=0, random_size=400_000)
    estimate = objective.vectors(states["shared"].states_BLD, states, batch)
    scale = float((exact @ exact.T).abs().max())
    assert_close(estimate @ estimate.T, exact @ exact.T, rtol=0, atol=0.02 * scale)


def test_padding_has_no_effect() -> None:
    batch, states = with_predictions()
    objective = adversary(entropy_weights=True)
    expected = objective(states, batch, 0.0)[0]
    padded = states["shared"].states_BLD.detach().clone()
    padded[~batch.mask_BL] = float("nan")
    states["shared"] = TowerStates(padded, list(range(4)), batch)
    assert_close(objective(states, batch, 0.0)[0], expected)


@pytest.mark.parametrize("discriminates", ["domain", "task"])
def test_micro_batches_add_up(discriminates: str) -> None:
    batch, states = with_predictions()
    objective = adversary(discriminates=discriminates, entropy_weights=True)
    micro = micro_batches(batch, states, [[0], [1, 3], [2]])
    losses = [objective(own_states, own, 0.0)[0] for own, own_states in micro]
    assert_close(sum(losses), objective(states, batch, 0.0)[0])


@pytest.mark.parametrize("head_type", ["crf", "softmax"])
def test_a_model_supplies_posteriors_of_all_sentences(head_type: str) -> None:
    """Also of sentences of other tasks and of unlabelled ones, without dropout."""
    vocab = vocabulary()
    model = build_model(
        "adversarial",
        vocab,
        head={**HEAD, "type": head_type, "dropout": 0.5},
        objectives=[{"type": "conditional_adversarial", "head": "msra", "dropout": 0.0}],
    )
    batch = batch_for(vocab)
    seen: list[States] = []
    objective = model.objectives[0]
    objective.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    loss = model(batch)["losses"]["objectives.0"]
    found = seen[0]["heads.msra"].states_BLD
    assert not found.requires_grad and len(found) == len(batch)

    head = model.heads["msra"]
    assert isinstance(head, TaggingHead)
    model.eval()
    emissions = head(
        torch.cat([seen[0][name].states_BLD for name in ("shared", "msra")], -1), batch
    )
    if head_type == "softmax":
        expected = emissions.softmax(-1) * batch.mask_BL[..., None]
    else:
        # The posterior is the derivative of log Z by the emissions.
        (expected,) = torch.autograd.grad(
            head.as_crf().log_partition(emissions, batch.mask_BL).sum(), emissions
        )
    assert_close(found, expected.detach(), rtol=1e-4, atol=1e-5)

    loss.backward()
    assert all(parameter.grad is None for parameter in head.parameters())
    assert all(parameter.grad is None for parameter in model.towers["msra"].parameters())
    assert any(parameter.grad.any() for parameter in model.towers["shared"].parameters())


def test_random_matrices_are_saved_and_depend_on_the_seed() -> None:
    settings = {"type": "conditional_adversarial", "head": "weibo", "max_size": 0}
    models = [build_model("adversarial", vocabulary(), objectives=[settings]) for _ in range(2)]
    saved = [model.state_dict()["objectives.0.random_states_DR"] for model in models]
    assert_close(saved[0], saved[1], rtol=0, atol=0)
    assert saved[0].shape == (6, 1024) and 0.9 < float(saved[0].std()) < 1.1


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"head": "weibbo"}, "objectives.0.head", 'Did you mean "weibo"?'),
        ({"head": "msr"}, "objectives.0.head", "Heads that do: weibo, msra."),
        ({"head": "weibo", "max_size": -1}, "objectives.0.max_size", "expected 0 or more"),
        ({"head": "weibo", "random_size": 0}, "objectives.0.random_size", "expected 1 or more"),
        ({}, "objectives.0.head", "missing key"),
    ],
)
def test_invalid_settings(settings: dict[str, Any], path: str, message: str) -> None:
    config = tiny_config(
        model__objectives=[{"type": "conditional_adversarial", **settings}],
        model__heads={"msr": {"type": "biaffine"}},
    )
    with pytest.raises(ConfigurationError) as error:
        checked_job(config)
    assert error.value.path == f"model.{path}"
    assert message in error.value.message


@pytest.mark.parametrize("tower", ["task_embedding", "task_token"])
def test_the_predictions_are_those_of_the_head_for_sentences_of_all_tasks(tower: str) -> None:
    inner = {"type": "lstm", "hidden_size": 8, "bidirectional": True}
    config = tiny_config(
        model__type="hard_sharing",
        model__encoder__dropout=0.0,
        model__tower=inner,
        model__towers={"shared": {"type": tower, "tower": inner}},
        model__head__dropout=0.0,
        model__objectives=[{"type": "conditional_adversarial", "head": "weibo"}],
    )
    built, loader = model_and_loader(config)
    model: Any = built.train()
    (batch,) = loader.batches([[("weibo", 0), ("msra", 3), ("msr", 0), ("weibo", 5)]])
    seen: list[torch.Tensor] = []
    model.objectives[0].register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0]["heads.weibo"].states_BLD)
    )
    model(batch)
    _, emissions_BLT = model.output(batch, "weibo")
    expected = model.heads["weibo"].as_crf().marginals(emissions_BLT, batch.mask_BL)
    torch.testing.assert_close(seen[0], expected)
