"""Orthogonality of shared and private states."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.towers import TowerStates
from tests.modules.examples import mixed_batch
from tests.modules.objectives.example import VOCAB, States, micro_batches, objective_of

DIMS = {"shared": 3, "weibo": 2, "msra": 4}


def private_states() -> tuple[Batch, States]:
    """States of a shared tower for all sentences and of two private towers for those of their task.

    Padding is NaN.
    """
    torch.manual_seed(1)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "msra": [4], "reviews": [3]})
    states = {}
    for name, size in DIMS.items():
        sentences = list(range(4)) if name == "shared" else batch.sentences_of(name)
        selected = batch.select(sentences)
        values = torch.randn(*selected.mask_BL.shape, size).masked_fill(
            ~selected.mask_BL[..., None], float("nan")
        )
        states[name] = TowerStates(values.requires_grad_(), sentences, selected)
    return batch, states


def expected_loss(batch: Batch, states: States, normalize_by: str) -> float:
    """Sum of the squared products of all shared with all private dimensions.

    Mean over the three labelled sentences.
    """
    total = 0.0
    for sentence, head in enumerate(batch.heads):
        if head is None:
            continue
        shared, private = states["shared"].select([sentence])[0], states[head].select([sentence])[0]
        for i in range(shared.shape[1]):
            for j in range(private.shape[1]):
                products = [
                    shared[position, i].item() * private[position, j].item()
                    for position in range(batch.lengths[sentence])
                ]
                divisor = len(products) if normalize_by == "characters" else 1
                total += (sum(products) / divisor) ** 2
    return total / 3


@pytest.mark.parametrize("normalize_by", ["sentences", "characters"])
def test_loss_is_its_definition(normalize_by: str) -> None:
    batch, states = private_states()
    loss, statistics = objective_of("orthogonality", dims=DIMS, normalize_by=normalize_by)(
        states, batch, 0.0
    )
    assert (
        loss.item() == pytest.approx(expected_loss(batch, states, normalize_by), rel=1e-5)
        and not statistics
    )
    loss.backward()
    for tower in states.values():
        gradient = tower.states_BLD.grad
        assert gradient is not None and gradient.isfinite().all() and gradient.any()
        assert not gradient[~tower.batch.mask_BL].any()
    shared = states["shared"].states_BLD.grad
    assert shared is not None and not shared[batch.heads.index(None)].any()


@pytest.mark.parametrize(("normalize_by", "expected"), [("sentences", 2.0), ("characters", 0.5)])
def test_hand_worked_value(normalize_by: str, expected: float) -> None:
    batch = mixed_batch(VOCAB, {"weibo": [2]})
    shared, private = torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[1.0, 3.0], [0.0, -1.0]]])
    states = {
        name: TowerStates(x, [0], batch) for name, x in (("shared", shared), ("weibo", private))
    }
    # S^T H = (1*1 + 2*0, 1*3 - 2*1) = (1, 1)
    objective = objective_of(
        "orthogonality", dims={"shared": 1, "weibo": 2}, normalize_by=normalize_by
    )
    assert objective(states, batch, 0.0)[0].item() == expected


@pytest.mark.parametrize(("center", "unit_norm"), [(True, False), (False, True), (True, True)])
def test_centred_and_normalised_states(center: bool, unit_norm: bool) -> None:
    batch, states = private_states()
    prepared = {}
    for name, tower in states.items():
        values = tower.states_BLD.detach().clone()
        for position, length in enumerate(tower.batch.lengths):
            real = values[position, :length]
            if center:
                real -= real.mean(0)
            if unit_norm:
                real /= real.square().sum(1, keepdim=True).sqrt()
        prepared[name] = TowerStates(values, tower.sequences, tower.batch)
    objective = objective_of("orthogonality", dims=DIMS, center=center, unit_norm=unit_norm)
    loss = objective(states, batch, 0.0)[0]
    assert loss.item() == pytest.approx(expected_loss(batch, prepared, "characters"), rel=1e-4)
    loss.backward()
    for tower in states.values():
        gradient = tower.states_BLD.grad
        assert gradient is not None and gradient.isfinite().all() and gradient.any()


def test_normalised_states_have_no_scale_and_no_mean() -> None:
    batch, states = private_states()
    moved = {
        name: TowerStates(7.0 * tower.states_BLD + 5.0, tower.sequences, tower.batch)
        for name, tower in states.items()
    }
    objective = objective_of("orthogonality", dims=DIMS, center=True, unit_norm=True)
    one, other = (objective(given, batch, 0.0)[0].item() for given in (states, moved))
    assert one == pytest.approx(other, rel=1e-4) and 0 < one < 1


def test_a_sentence_of_one_character_has_no_centred_state() -> None:
    batch = mixed_batch(VOCAB, {"weibo": [1]})
    states = {
        name: TowerStates(torch.randn(1, 1, size, requires_grad=True), [0], batch)
        for name, size in (("shared", 3), ("weibo", 2))
    }
    objective = objective_of("orthogonality", dims=DIMS, center=True, unit_norm=True)
    loss = objective(states, batch, 0.0)[0]
    loss.backward()
    gradient = states["shared"].states_BLD.grad
    assert loss == 0 and gradient is not None and gradient.isfinite().all()


@pytest.mark.parametrize("settings", [{}, {"center": True, "unit_norm": True}])
def test_losses_of_micro_batches_sum_to_that_of_the_global_batch(settings: dict[str, bool]) -> None:
    batch, states = private_states()
    objective = objective_of("orthogonality", dims=DIMS, **settings)
    assert objective.adds_up and not objective.every_sentence
    weibo = batch.sentences_of("weibo")
    rest = [sentence for sentence in range(4) if batch.heads[sentence] != "weibo"]
    micro = micro_batches(batch, states, [weibo[:1], sorted([weibo[1], *rest])])
    assert_close(
        sum(
            objective(states_of_batch, micro_batch, 0.0)[0]
            for micro_batch, states_of_batch in micro
        ),
        objective(states, batch, 0.0)[0],
    )


def test_unlabelled_sentences_alone_give_no_loss() -> None:
    batch, states = private_states()
    ((micro_batch, states_of_batch),) = micro_batches(batch, states, [[batch.heads.index(None)]])
    loss, _ = objective_of("orthogonality", dims=DIMS)(states_of_batch, micro_batch, 0.0)
    assert loss == 0 and not loss.requires_grad


def test_reads_the_shared_tower_and_all_others_by_default() -> None:
    assert objective_of("orthogonality", dims={"weibo": 1, "shared": 1, "msra": 1}).reads == [
        "shared",
        "weibo",
        "msra",
    ]
    assert objective_of("orthogonality", dims=DIMS, reads=["msra", "weibo"]).reads == [
        "msra",
        "weibo",
    ]


@pytest.mark.parametrize("settings", [{"reads": ["shared"]}, {"reads": ["shared", "msra", "msra"]}])
def test_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigurationError, match="reads: expected a shared tower and private towers, each once"
    ):
        objective_of("orthogonality", dims=DIMS, **settings)
