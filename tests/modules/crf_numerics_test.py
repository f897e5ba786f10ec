"""Numerics of the CRF: long sequences, large scores, underflow, low precision and padding."""

from collections.abc import Callable

import pytest
import torch

from ner_adv_plugin.modules.crf import ConditionalRandomField, partition
from tests.modules.crf_reference import (
    admissible_tags,
    assert_same_likelihood,
    bio_crf,
    likelihood,
    log_space_likelihood,
    prefix_mask,
)


@pytest.fixture
def recomputed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of sequences recomputed in log space, one entry per call."""
    calls: list[int] = []
    original: Callable[..., partition.ForwardBackward] = partition.log_space_forward_backward

    def counting(emissions: torch.Tensor, *others: torch.Tensor) -> partition.ForwardBackward:
        calls.append(len(emissions))
        return original(emissions, *others)

    monkeypatch.setattr(partition, "log_space_forward_backward", counting)
    return calls


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_long_and_short_sequences_equal_log_space_reference(
    scale: float, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(4, scale=min(scale, 10.0)).to(dtype), prefix_mask([3, 2500, 700, 1])
    emissions, weights = scale * torch.randn(4, 2500, 9, dtype=dtype), torch.rand(4)
    tags = admissible_tags(crf, mask)
    expected = log_space_likelihood(crf, emissions, tags, mask, weights)
    actual = likelihood(crf, emissions, tags, mask, weights)
    # In log space, float64 has a relative error of about 1e-16 of scores near 1e6 at each step.
    rtol = 1e-4 if dtype == torch.float32 else 1e-6
    assert_same_likelihood(actual, expected, rtol=rtol, atol=rtol * 1e-2)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_ordinary_sequences_stay_in_probability_space(scale: float, recomputed: list[int]) -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(4), prefix_mask([0, 2500, 1, 145])
    crf.log_partition(scale * torch.randn(4, 2500, 9), mask)
    assert recomputed == []


def test_only_underflowing_sequences_are_recomputed(recomputed: list[int]) -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(4), prefix_mask([20, 7, 30, 0, 12])
    emissions, weights = torch.randn(5, 30, 9), torch.randn(5)
    emissions[[1, 4]] *= 1000
    tags = admissible_tags(crf, mask)
    actual = likelihood(crf, emissions, tags, mask, weights)
    assert recomputed == [2]
    present = [0, 1, 2, 4]
    expected = log_space_likelihood(
        crf, emissions[present], tags[present], mask[present], weights[present]
    )
    whole = actual._replace(nll=actual.nll[present], emissions=actual.emissions[present])
    assert_same_likelihood(whole, expected, rtol=1e-5, atol=1e-6)
    assert actual.nll[3] == 0 and not actual.emissions[3].any()
    torch.testing.assert_close(crf.marginals(emissions, mask).sum(-1), mask.float())


def test_only_admissible_path_underflows(recomputed: list[int]) -> None:
    # Two tags without transitions between them. Emissions and starts strongly favour tag 0, but
    # only tag 1 may end a path.
    only_one = torch.tensor([False, True])
    crf = ConditionalRandomField(2, allowed_transitions=torch.eye(2).bool(), allowed_ends=only_one)
    emissions = torch.tensor([0.0, -300.0]).repeat(1, 5, 1).requires_grad_()
    mask, tags = torch.ones(1, 5, dtype=torch.bool), torch.ones(1, 5, dtype=torch.long)
    scores = crf.start_transitions[1] + 4 * crf.transitions[1, 1] + crf.end_transitions[1] - 1500
    torch.testing.assert_close(crf.log_partition(emissions, mask), scores.view(1))
    torch.testing.assert_close(
        crf.marginals(emissions, mask), torch.tensor([0.0, 1.0]).expand(1, 5, 2)
    )
    nll = crf(emissions, tags, mask)
    gradients = torch.autograd.grad(nll.sum(), [emissions, *crf.parameters()])
    assert nll.item() == pytest.approx(0, abs=1e-9)
    assert all(gradient.abs().max() < 1e-9 for gradient in gradients)
    assert crf.decode(emissions, mask).tolist() == [[1] * 5]
    assert recomputed == [1, 1, 1]


def test_tag_excluded_by_an_infinite_emission() -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(2), torch.ones(1, 4, dtype=torch.bool)
    emissions = torch.randn(1, 4, 5)
    excluded, low = emissions.clone(), emissions.clone()
    excluded[0, 2, 0], low[0, 2, 0] = -torch.inf, -1e6
    torch.testing.assert_close(crf.log_partition(excluded, mask), crf.log_partition(low, mask))
    torch.testing.assert_close(crf.marginals(excluded, mask), crf.marginals(low, mask))
    assert torch.equal(crf.decode(excluded, mask), crf.decode(low, mask))


def test_sequence_without_admissible_path() -> None:
    only_one = torch.tensor([False, True])
    crf = ConditionalRandomField(2, ~only_one, torch.eye(2).bool(), only_one)
    emissions, mask = torch.randn(2, 3, 2, requires_grad=True), prefix_mask([3, 0])
    log_partition = crf.log_partition(emissions, mask)
    assert log_partition.tolist() == [-torch.inf, 0.0]
    gradients = torch.autograd.grad(log_partition.sum(), [emissions, *crf.parameters()])
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("garbage", [1e30, -torch.inf, torch.inf, torch.nan])
def test_padding_has_no_effect(garbage: float) -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(2), prefix_mask([4, 0, 9, 1], length=10)
    clean, weights = torch.randn(4, 10, 5), torch.randn(4)
    tags = admissible_tags(crf, mask)
    dirty = clean.masked_fill(~mask.unsqueeze(-1), garbage)
    dirty_tags = tags.masked_fill(~mask, -100)
    expected = likelihood(crf, clean, tags, mask, weights)
    actual = likelihood(crf, dirty, dirty_tags, mask, weights)
    assert_same_likelihood(actual, expected, rtol=0.0, atol=0.0)
    assert not actual.emissions[~mask].any()
    assert torch.equal(crf.marginals(dirty, mask), crf.marginals(clean, mask))
    assert torch.equal(crf.decode(dirty, mask), crf.decode(clean, mask))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_emissions_are_computed_in_high_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(4), prefix_mask([60, 3])
    emissions, weights = (5 * torch.randn(2, 60, 9)).to(dtype), torch.ones(2)
    tags = admissible_tags(crf, mask)
    low = likelihood(crf, emissions, tags, mask, weights)
    high = likelihood(crf, emissions.float(), tags, mask, weights)
    assert low.nll.dtype == torch.float32 and low.emissions.dtype == dtype
    assert_same_likelihood(
        low, high._replace(emissions=high.emissions.to(dtype)), rtol=0.0, atol=0.0
    )
    assert torch.equal(crf.decode(emissions, mask), crf.decode(emissions.float(), mask))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_result_types(dtype: torch.dtype, expected: torch.dtype) -> None:
    crf = ConditionalRandomField(3)
    emissions, mask = torch.zeros(1, 2, 3, dtype=dtype), prefix_mask([2])
    tags = torch.zeros(1, 2, dtype=torch.long)
    results = [crf(emissions, tags, mask), crf.score(emissions, tags, mask)]
    results += [crf.log_partition(emissions, mask), crf.marginals(emissions, mask)]
    results += [crf.decode_with_scores(emissions, mask)[1]]
    assert [result.dtype for result in results] == [expected] * 5


def test_autocast_changes_nothing() -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(4), prefix_mask([60, 3])
    emissions, tags, weights = 5 * torch.randn(2, 60, 9), admissible_tags(crf, mask), torch.ones(2)
    outside = likelihood(crf, emissions, tags, mask, weights)
    with torch.autocast("cpu", torch.bfloat16):
        inside = likelihood(crf, emissions, tags, mask, weights)
        marginals, decoded = crf.marginals(emissions, mask), crf.decode(emissions, mask)
    assert_same_likelihood(inside, outside, rtol=0.0, atol=0.0)
    assert torch.equal(marginals, crf.marginals(emissions, mask))
    assert torch.equal(decoded, crf.decode(emissions, mask))


def test_constraints_move_with_the_module_but_are_not_saved() -> None:
    crf = bio_crf(1)
    assert set(crf.state_dict()) == {"start_transitions", "end_transitions", "transitions"}
    assert crf.to("meta").allowed_transitions.device.type == "meta"
