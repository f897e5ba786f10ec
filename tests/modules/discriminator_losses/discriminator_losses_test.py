"""Discriminator losses."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.discriminator_losses import CrossEntropy, DiscriminatorLoss, Grad

SIZES = {"news": 300, "social": 100, "reviews": 60}


def test_cross_entropy_is_minus_log_p_of_the_gold_class() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0], [0.5, -1.0, 3.0]])
    losses = CrossEntropy(SIZES)(logits, torch.tensor([1, 0]))
    for sentence, gold in ((0, 1), (1, 0)):
        total = sum(math.exp(score) for score in logits[sentence].tolist())
        assert losses[sentence].item() == pytest.approx(
            -math.log(math.exp(logits[sentence, gold].item()) / total), rel=1e-5
        )


@given(st.floats(0.01, 0.99), st.floats(0.0, 1.0), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_two_classes_equal_the_loss_of_datnet(r: float, alpha: float, gamma: float) -> None:
    """-I_S alpha (1-r)^gamma log r - I_T (1-alpha) r^gamma log(1-r).

    r is the probability of the source domain.
    """
    loss = Grad({"source": 5, "target": 7}, gamma, {"source": alpha, "target": 1 - alpha})
    logits = torch.tensor([[math.log(r), math.log(1 - r)]]).repeat(2, 1)
    source, target = loss(logits, torch.tensor([0, 1])).tolist()
    assert source == pytest.approx(-alpha * (1 - r) ** gamma * math.log(r), rel=1e-3, abs=1e-6)
    assert target == pytest.approx(-(1 - alpha) * r**gamma * math.log(1 - r), rel=1e-3, abs=1e-6)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.sampled_from([0.0, 0.5, 2.0]))
def test_three_classes_by_hand(scores: list[float], gamma: float) -> None:
    alpha = dict(zip(SIZES, (0.2, 0.7, 0.1), strict=True))
    losses = Grad(SIZES, gamma, alpha)(torch.tensor([scores] * 3), torch.arange(3))
    for loss, score, factor in zip(losses.tolist(), scores, alpha.values(), strict=True):
        p = math.exp(score) / sum(map(math.exp, scores))
        assert loss == pytest.approx(-factor * (1 - p) ** gamma * math.log(p), rel=1e-3, abs=1e-6)


def test_small_classes_weigh_more_by_default() -> None:
    # 1/300 : 1/100 : 1/60 = 1 : 3 : 5
    assert_close(Grad(SIZES).alpha_K, torch.tensor([1 / 9, 3 / 9, 5 / 9]))
    assert_close(Grad({"a": 2, "b": 0, "c": 6}).alpha_K, torch.tensor([0.75, 0.0, 0.25]))
    assert_close(Grad({"a": 0, "b": 0}).alpha_K, torch.tensor([0.5, 0.5]))


def test_cross_entropy_without_focusing_and_balancing() -> None:
    logits, gold = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    loss = Grad(SIZES, 0.0, dict.fromkeys(SIZES, 1.0))
    assert_close(loss(logits, gold), CrossEntropy(SIZES)(logits, gold))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("score", [200.0, -200.0, 0.0])
def test_loss_and_gradient_of_certain_discriminators_are_finite(gamma: float, score: float) -> None:
    logits = torch.tensor([[score, 0.0, 0.0]], requires_grad=True)
    loss = Grad(SIZES, gamma)(logits, torch.tensor([0])).sum()
    loss.backward()
    assert (
        loss.isfinite() and loss >= 0 and logits.grad is not None and logits.grad.isfinite().all()
    )
    if score == 200.0:
        assert loss == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": -1}, "loss.gamma: expected 0 or more, found -1"),
        (
            {"alpha": {"news": 1, "socail": 1}},
            'loss.alpha.socail: unknown class. Did you mean "social"',
        ),
        ({"alpha": {"news": 1, "social": 1}}, "loss.alpha.reviews: missing key"),
        (
            {"alpha": {"news": -1, "social": 1, "reviews": 1}},
            "loss.alpha.news: expected 0 or more, found -1",
        ),
    ],
)
def test_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        construct(DiscriminatorLoss, {"type": "grad", **settings}, "loss", sizes=SIZES)
