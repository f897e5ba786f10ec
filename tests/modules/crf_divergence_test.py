"""Divergence of two CRFs: against the Kullback-Leibler divergences of all enumerated paths."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.modules.crf import ConditionalRandomField
from tests.modules.crf_reference import bio_crf, prefix_mask, with_random_scores


def log_p_of_paths(crf: ConditionalRandomField, emissions_LT: Tensor, length: int) -> Tensor:
    """Log-probabilities of all admissible paths of one sequence, by autograd."""
    scores = []
    for path in product(range(crf.num_tags), repeat=length):
        steps = list(zip(path, path[1:], strict=False))
        admissible = (
            crf.allowed_starts[path[0]]
            and crf.allowed_ends[path[-1]]
            and all(crf.allowed_transitions[step] for step in steps)
        )
        if admissible:
            score = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
            score = score + sum(emissions_LT[i, tag] for i, tag in enumerate(path))
            scores.append(score + sum(crf.transitions[step] for step in steps))
    return torch.stack(scores).log_softmax(0)


def enumerated(
    crf: ConditionalRandomField, one: Tensor, other: Tensor, lengths: list[int]
) -> Tensor:
    """(KL(P || P') + KL(P' || P)) / 2 of each sequence, by its definition."""
    found = []
    for index, length in enumerate(lengths):
        if not length:
            found.append(one.new_zeros(()))
            continue
        log_p = log_p_of_paths(crf, one[index], length)
        log_q = log_p_of_paths(crf, other[index], length)
        there = (log_p.exp() * (log_p - log_q)).sum()
        back = (log_q.exp() * (log_q - log_p)).sum()
        found.append((there + back) / 2)
    return torch.stack(found)


def gradients(crf: ConditionalRandomField, loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    """Gradients by the inputs and the transition scores."""
    return [*torch.autograd.grad(loss, [*inputs, *crf.parameters()])]


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("gap", [1.0, 1e-3])
def test_value_and_gradient_equal_those_of_all_paths(constrained: bool, gap: float) -> None:
    torch.manual_seed(0)
    crf = (bio_crf(1) if constrained else with_random_scores(ConditionalRandomField(3))).double()
    lengths = [4, 2, 1, 0]
    one = torch.randn(4, 4, 3, dtype=torch.float64).requires_grad_()
    other = (one + gap * torch.randn_like(one)).detach().requires_grad_()
    weights = torch.rand(4, dtype=torch.float64)

    actual = crf.divergence(one, other, prefix_mask(lengths))
    expected = enumerated(crf, one, other, lengths)
    assert (expected[:3] > 0).all() and expected[3] == 0
    assert_close(actual, expected, rtol=1e-8, atol=1e-14)
    for found, wanted in zip(
        gradients(crf, (actual * weights).sum(), one, other),
        gradients(crf, (expected * weights).sum(), one, other),
        strict=True,
    ):
        assert_close(found, wanted, rtol=1e-6, atol=1e-9 * gap)


def test_equal_emissions_have_no_divergence_nor_gradient() -> None:
    torch.manual_seed(0)
    crf, emissions = bio_crf(2), torch.randn(3, 6, 5).requires_grad_()
    found = crf.divergence(emissions, emissions.clone(), prefix_mask([6, 3, 1]))
    assert found.dtype == torch.float32 and (found == 0).all()
    assert all((gradient == 0).all() for gradient in gradients(crf, found.sum(), emissions))


def test_padding_has_no_effect() -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(2), prefix_mask([5, 3])
    one, other = torch.randn(2, 5, 5), torch.randn(2, 5, 5)
    expected = crf.divergence(one, other, mask)
    one[1, 3:], other[1, 3:] = float("nan"), 1e9
    assert_close(crf.divergence(one, other, mask), expected, rtol=0, atol=0)


def test_long_sequences_with_large_scores() -> None:
    """Without transitions the tags are independent: a sum of softmax divergences."""
    torch.manual_seed(0)
    crf = ConditionalRandomField(7)
    for parameter in crf.parameters():
        torch.nn.init.zeros_(parameter)
    one = (20 * torch.randn(1, 800, 7, dtype=torch.float64)).requires_grad_()
    other = (20 * torch.randn(1, 800, 7, dtype=torch.float64)).requires_grad_()
    p, q = one.log_softmax(-1), other.log_softmax(-1)
    expected = 0.5 * ((p.exp() - q.exp()) * (p - q)).sum((1, 2))
    actual = crf.divergence(one, other, prefix_mask([800]))
    assert_close(actual, expected, rtol=1e-9, atol=0)
    for found, wanted in zip(
        torch.autograd.grad(actual.sum(), (one, other)),
        torch.autograd.grad(expected.sum(), (one, other)),
        strict=True,
    ):
        assert_close(found, wanted, rtol=1e-6, atol=1e-6)
