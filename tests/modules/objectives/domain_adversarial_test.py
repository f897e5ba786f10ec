"""Domain discriminator behind a gradient reversal."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.discriminator_losses import Grad
from ner_adv_plugin.modules.objectives import DomainAdversarial
from tests.modules.examples import vocabulary
from tests.modules.objectives.example import DIMS, VOCAB, example, micro_batches, objective_of


def adversary(**settings: Any) -> DomainAdversarial:
    objective = objective_of("domain_adversarial", **{"dropout": 0.0, **settings})
    assert isinstance(objective, DomainAdversarial)
    return objective


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_loss_is_the_cross_entropy_of_the_domain(pooling: str) -> None:
    objective = adversary(pooling=pooling, weight=3.0)
    batch, states = example()
    loss, statistics = objective(states, batch, 0.5)
    linear = objective.discriminator[-1]
    assert isinstance(linear, torch.nn.Linear)
    total, correct = 0.0, 0
    domains = {"weibo": "social", "msra": "news", "reviews": "social"}
    for sentence, length in enumerate(batch.lengths):
        real = states["shared"].states_BLD[sentence, :length]
        pooled = real.max(0).values if pooling == "max" else real.mean(0)
        scores = [(w @ pooled + b).item() for w, b in zip(linear.weight, linear.bias, strict=True)]
        gold = VOCAB.domains.index(domains[batch.datasets[sentence]])
        total += math.log(sum(math.exp(score) for score in scores)) - scores[gold]
        correct += scores[gold] == max(scores)
    assert loss.item() == pytest.approx(total / 4, rel=1e-5)
    assert statistics["discriminator_accuracy"] == (correct, 4)
    assert statistics["reversal_scale"] == (1.0, 1)


def test_sentences_without_labels_count() -> None:
    batch, states = example()
    unlabelled = batch.heads.index(None)
    adversary()(states, batch, 0.0)[0].backward()
    gradient = states["shared"].states_BLD.grad
    assert gradient is not None and gradient[unlabelled].any() and batch.total == 4


def test_only_towers_get_the_reversed_gradient() -> None:
    batch, states = example()
    gradients: dict[float, Any] = {}
    for scale in (1.0, 0.25, 0.0):
        objective = adversary(reversal={"type": "constant", "scale": scale}, hidden_size=4)
        loss, _ = objective(states, batch, 0.0)
        inputs = [states["shared"].states_BLD, *objective.parameters()]
        gradients[scale] = torch.autograd.grad(loss, inputs)
    plain = adversary(hidden_size=4)
    pooled = torch.stack(
        [states["shared"].states_BLD[i, :n].max(0).values for i, n in enumerate(batch.lengths)]
    )
    direct = torch.nn.functional.cross_entropy(plain.discriminator(pooled), batch.domain_B)
    forward = torch.autograd.grad(direct, [states["shared"].states_BLD, *plain.parameters()])
    for scale, (towers, *discriminator) in gradients.items():
        assert_close(towers, -scale * forward[0])
        for actual, expected in zip(discriminator, forward[1:], strict=True):
            assert_close(actual, expected)


def test_scale_follows_its_schedule() -> None:
    batch, states = example()
    objective = adversary(reversal={"type": "dann", "scale": 0.1})
    _, statistics = objective(states, batch, 0.5)
    assert statistics["reversal_scale"] == (pytest.approx(0.1 * math.tanh(2.5)), 1)


def test_states_of_several_towers_are_concatenated() -> None:
    batch, states = example()
    objective = adversary(reads=["shared", "other"])
    assert objective.discriminator[-1].in_features == 5
    loss, _ = objective(states, batch, 0.0)
    loss.backward()
    assert all(
        tower.states_BLD.grad is not None and tower.states_BLD.grad.any()
        for tower in states.values()
    )


@pytest.mark.parametrize("discriminates", ["domain", "task"])
@pytest.mark.parametrize("loss", ["cross_entropy", {"type": "grad", "gamma": 1.5}])
def test_losses_of_micro_batches_sum_to_that_of_the_global_batch(
    discriminates: str, loss: Any
) -> None:
    batch, states = example()
    objective = adversary(discriminates=discriminates, loss=loss, pooling="self_attention")
    assert objective.adds_up
    # The last micro-batch has only the unlabelled sentence, which has no task.
    unlabelled = batch.heads.index(None)
    sentences = [sentence for sentence in range(4) if sentence != unlabelled]
    micro = micro_batches(batch, states, [sentences[:1], sentences[1:], [unlabelled]])
    losses = [
        objective(states_of_batch, micro_batch, 0.0)[0] for micro_batch, states_of_batch in micro
    ]
    assert_close(sum(losses), objective(states, batch, 0.0)[0])
    sum(losses).backward()
    assert (losses[-1] == 0) == (discriminates == "task")


def test_loss_on_tasks_is_the_mean_over_labelled_sentences() -> None:
    batch, states = example()
    objective = adversary(discriminates="task", pooling="mean")
    loss, statistics = objective(states, batch, 0.0)
    linear = objective.discriminator[-1]
    assert isinstance(linear, torch.nn.Linear) and linear.out_features == 3
    expected = torch.zeros(())
    for sentence, head in enumerate(batch.heads):
        if head is not None:
            pooled = states["shared"].states_BLD[sentence, : batch.lengths[sentence]].mean(0)
            expected = (
                expected - linear(pooled).log_softmax(-1)[["weibo", "msra", "msr"].index(head)] / 3
            )
    assert_close(loss, expected)
    assert statistics["discriminator_accuracy"][1] == 3
    loss.backward()
    gradient = states["shared"].states_BLD.grad
    assert gradient is not None and not gradient[batch.heads.index(None)].any()


def test_loss_is_balanced_by_the_training_sentences() -> None:
    sizes = {"weibo": 10, "msra": 300, "msr": 100, "reviews": 40}
    spaces = {name: replace(space, sentences=sizes[name]) for name, space in VOCAB.datasets.items()}
    vocab = Vocabulary(spaces, {"domains": VOCAB.domains})
    domains = adversary(vocab=vocab, loss="grad").loss
    tasks = adversary(vocab=vocab, loss="grad", discriminates="task").loss
    assert domains.sizes == {"social": 50, "news": 400}
    assert tasks.sizes == {"weibo": 10, "msra": 300, "msr": 100}
    assert isinstance(domains, Grad)
    assert_close(domains.alpha_K, torch.tensor([8 / 9, 1 / 9]))


def test_gradient_of_the_pooling_is_not_reversed() -> None:
    batch, states = example()
    gradients = []
    for scale in (1.0, 0.25):
        objective = adversary(pooling="self_attention", reversal={"scale": scale})
        inputs = [states["shared"].states_BLD, *objective.pool.parameters()]
        gradients.append(torch.autograd.grad(objective(states, batch, 0.0)[0], inputs))
    plain = adversary(pooling="self_attention")
    pooled = plain.pool(states["shared"].states_BLD, batch.mask_BL)
    direct = torch.nn.functional.cross_entropy(plain.discriminator(pooled), batch.domain_B)
    forward = torch.autograd.grad(direct, [states["shared"].states_BLD, *plain.pool.parameters()])
    for scale, (towers, *pooling) in zip((1.0, 0.25), gradients, strict=True):
        assert_close(towers, -scale * forward[0])
        assert_close(pooling, list(forward[1:]))


def test_schedule_multiplies_the_weight() -> None:
    objective = adversary(
        weight=0.5, schedule={"type": "linear_warmup", "scale": 2.0, "warmup": 0.5}
    )
    assert [objective.weight_at(progress) for progress in (0.0, 0.25, 0.5, 1.0)] == [
        0.0,
        0.5,
        1.0,
        1.0,
    ]
    assert adversary(weight=0.5).weight_at(0.3) == 0.5


def test_one_domain_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match="needs two domains or more, the datasets have .'news'."
    ):
        DomainAdversarial(vocabulary("msra", "msr"), DIMS)


def test_one_task_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match="needs two tasks or more, the datasets have .'weibo'."
    ):
        adversary(vocab=vocabulary("weibo", "reviews"), discriminates="task")
