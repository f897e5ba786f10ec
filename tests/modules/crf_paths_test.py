"""n-best paths, entropy and marginal likelihood against enumeration of all paths."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ner_adv_plugin.modules.crf import ConditionalRandomField, partition
from tests.modules.crf_reference import (
    FORBIDDEN,
    bio_crf,
    constrained,
    enumerate_paths,
    prefix_mask,
    scores_of,
    with_random_scores,
)

lengths_of_sequences = st.lists(st.integers(0, 5), min_size=1, max_size=4)
seeds = st.integers(0, 2**16)


def random_crf(seed: int) -> ConditionalRandomField:
    """A BIO CRF, or a CRF over four tags, with or without random constraints.

    Random constraints may allow no path at all.
    """
    torch.manual_seed(seed)
    if seed % 3 == 0:
        return bio_crf(2)
    allowed = [torch.rand(4) < 0.8, torch.rand(4, 4) < 0.7, torch.rand(4) < 0.8]
    return with_random_scores(
        ConditionalRandomField(4, *allowed) if seed % 3 == 1 else ConditionalRandomField(4)
    )


@settings(max_examples=60)
@given(
    lengths_of_sequences,
    seeds,
    # From 32 on, blocks of paths are merged.
    st.integers(1, 40) | st.integers(32, 500),
    st.sampled_from([1.0, 30.0]),
)
def test_n_best_equals_enumeration(lengths: list[int], seed: int, n: int, scale: float) -> None:
    crf = random_crf(seed)
    emissions = scale * torch.randn(
        len(lengths), max(max(lengths), 1), crf.num_tags, dtype=torch.double
    )
    mask = prefix_mask(lengths, emissions.shape[1])
    best = crf.n_best(emissions.masked_fill(~mask.unsqueeze(-1), torch.nan), mask, n)
    assert (
        best.tags_BNL.shape == (len(lengths), n, emissions.shape[1])
        and best.tags_BNL.dtype == torch.long
    )
    assert not best.tags_BNL.masked_select(~mask.unsqueeze(1)).any()
    for sequence, length in enumerate(lengths):
        tags = best.tags_BNL[sequence, :, :length]
        scores, probabilities = best.scores_BN[sequence], best.probabilities_BN[sequence]
        if length == 0:
            assert scores.tolist() == [0.0] + [-torch.inf] * (n - 1)
            assert probabilities.tolist() == [1.0] + [0.0] * (n - 1)
            continue
        paths, totals = enumerate_paths(crf, emissions[sequence, :length])
        found = min(n, len(paths))
        ranked = totals.detach().sort(descending=True)
        torch.testing.assert_close(scores[:found], ranked.values[:found])
        torch.testing.assert_close(
            probabilities[:found], totals.detach().softmax(0)[ranked.indices[:found]]
        )
        assert tags[:found].tolist() == paths[ranked.indices[:found]].tolist()
        assert (
            (scores[found:] == -torch.inf).all()
            and not probabilities[found:].any()
            and not tags[found:].any()
        )


@pytest.mark.parametrize(
    ("tags", "length", "n"), [(2, 3, 10), (3, 4, 81), (3, 5, 100), (5, 3, 150)]
)
def test_paths_of_equal_score_are_all_returned(tags: int, length: int, n: int) -> None:
    crf = ConditionalRandomField(tags)
    for parameter in crf.parameters():
        torch.nn.init.zeros_(parameter)
    best = crf.n_best(torch.zeros(1, length, tags), torch.ones(1, length, dtype=torch.bool), n)
    paths = tags**length
    found = min(n, paths)
    assert len({tuple(path) for path in best.tags_BNL[0, :found].tolist()}) == found
    expected = [1 / paths] * found + [0.0] * (n - found)
    assert best.probabilities_BN[0].tolist() == pytest.approx(expected)


def test_best_path_of_long_sequences_equals_viterbi() -> None:
    torch.manual_seed(0)
    crf, mask = bio_crf(4), prefix_mask([300, 1, 120])
    emissions = torch.randn(3, 300, 9)
    best = crf.n_best(emissions, mask, 3)
    tags, scores = crf.decode_with_scores(emissions, mask)
    assert torch.equal(best.tags_BNL[:, 0], tags) and torch.equal(best.scores_BN[:, 0], scores)
    for rank in range(3):
        torch.testing.assert_close(
            crf.score(emissions, best.tags_BNL[:, rank], mask), best.scores_BN[:, rank]
        )
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        crf.n_best(emissions, mask, 0)


@settings(max_examples=40)
@given(lengths_of_sequences, seeds, st.sampled_from([1.0, 30.0]))
def test_entropy_equals_enumeration(lengths: list[int], seed: int, scale: float) -> None:
    crf = random_crf(seed)
    emissions = scale * torch.randn(
        len(lengths), max(max(lengths), 1), crf.num_tags, dtype=torch.double
    )
    expected = torch.zeros(len(lengths), dtype=torch.double)
    for sequence, length in enumerate(lengths):
        if length:
            probabilities = (
                enumerate_paths(crf, emissions[sequence, :length]).scores.detach().softmax(0)
            )
            expected[sequence] = torch.special.entr(probabilities).sum()
    entropy = crf.entropy(emissions, prefix_mask(lengths, emissions.shape[1]))
    torch.testing.assert_close(entropy, expected, rtol=1e-8, atol=1e-9)


def reference_marginal(
    crf: ConditionalRandomField, emissions: Tensor, allowed: Tensor, weights: Tensor
) -> list[Tensor]:
    """Value, and gradients of the weighted sum, by enumeration; sequences of equal length."""
    leaf, scores = emissions.clone().requires_grad_(), scores_of(crf)
    sequences = []
    for sequence_emissions, sequence_allowed in zip(leaf, allowed, strict=True):
        paths, totals = enumerate_paths(crf, sequence_emissions, scores)
        inside = sequence_allowed[torch.arange(len(sequence_allowed)), paths].all(1)
        sequences.append(totals.logsumexp(0) - totals[inside].logsumexp(0))
    nll = torch.stack(sequences)
    return [nll.detach(), *torch.autograd.grad((nll * weights).sum(), [leaf, *scores])]


def actual_marginal(
    crf: ConditionalRandomField, emissions: Tensor, allowed: Tensor, weights: Tensor
) -> list[Tensor]:
    leaf = emissions.clone().requires_grad_()
    nll = crf.marginal(leaf, allowed, torch.ones(allowed.shape[:2], dtype=torch.bool))
    scores = [leaf, crf.start_transitions, crf.transitions, crf.end_transitions]
    return [nll.detach(), *torch.autograd.grad((nll * weights).sum(), scores)]


@settings(max_examples=60)
@given(st.integers(1, 5), seeds, st.sampled_from([1.0, 10.0, 400.0]))
def test_marginal_likelihood_and_gradients_equal_enumeration(
    length: int, seed: int, scale: float
) -> None:
    torch.manual_seed(seed)
    crf = bio_crf(2).double()
    emissions = scale * torch.randn(3, length, 5, dtype=torch.double)
    weights = torch.randn(3, dtype=torch.double)
    allowed = torch.rand(3, length, 5) < 0.5
    allowed[..., 0] |= ~allowed.any(-1)
    # O at the start, then B-x, is always allowed, so that there is a path.
    allowed[:, :, 1] = True
    actual = actual_marginal(crf, emissions, allowed, weights)
    expected = reference_marginal(crf, emissions, allowed, weights)
    torch.testing.assert_close(actual, expected, rtol=1e-7, atol=1e-7)


def test_one_allowed_tag_gives_the_likelihood_and_all_tags_give_zero() -> None:
    torch.manual_seed(0)
    crf, mask = with_random_scores(ConditionalRandomField(5)), prefix_mask([7, 0, 3, 1])
    emissions, tags = torch.randn(4, 7, 5), torch.randint(5, (4, 7))
    single = torch.nn.functional.one_hot(tags, 5).bool()
    # Values at padding, even with no tag allowed, have no effect.
    single &= mask.unsqueeze(-1)
    torch.testing.assert_close(crf.marginal(emissions, single, mask), crf(emissions, tags, mask))
    whole = crf.marginal(emissions, torch.ones_like(single), mask)
    torch.testing.assert_close(whole, torch.zeros(4))


def log_space_marginal(
    crf: ConditionalRandomField, emissions: Tensor, allowed: Tensor
) -> list[Tensor]:
    """Value and gradients by the forward recursion in log space and autograd, without padding."""
    leaf, scores = emissions.clone().double().requires_grad_(), scores_of(crf)
    starts, transitions, ends = constrained(crf, scores)
    log_partitions = []
    for local in (leaf, leaf.masked_fill(~allowed, FORBIDDEN)):
        alpha = starts + local[:, 0]
        for position in range(1, local.shape[1]):
            alpha = torch.logsumexp(alpha.unsqueeze(2) + transitions, dim=1) + local[:, position]
        log_partitions.append(torch.logsumexp(alpha + ends, dim=1))
    nll = log_partitions[0] - log_partitions[1]
    return [nll.detach(), *torch.autograd.grad(nll.sum(), [leaf, *scores])]


@pytest.mark.parametrize(("scale", "in_log_space"), [(1.0, 0), (10.0, 0), (1000.0, 2)])
def test_long_sequences(scale: float, in_log_space: int, monkeypatch: pytest.MonkeyPatch) -> None:
    recomputed: list[int] = []
    original: Callable[..., partition.ForwardBackward] = partition.log_space_forward_backward

    def counting(emissions: Tensor, *others: Tensor) -> partition.ForwardBackward:
        recomputed.append(len(emissions))
        return original(emissions, *others)

    monkeypatch.setattr(partition, "log_space_forward_backward", counting)
    torch.manual_seed(0)
    crf, weights = bio_crf(4).double(), torch.ones(2, dtype=torch.double)
    emissions = scale * torch.randn(2, 400, 9, dtype=torch.double)
    allowed = torch.ones(2, 400, 9, dtype=torch.bool)
    # The first type is annotated: one entity of two characters in the first sequence, else none.
    allowed[:, :, 1:3] = False
    allowed[0, 50:52] = torch.eye(9)[1:3].bool()
    actual = actual_marginal(crf, emissions, allowed, weights)
    expected = log_space_marginal(crf, emissions, allowed)
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)
    # Excluded tags alone do not cause a recomputation in log space.
    assert len(recomputed) == in_log_space


def test_allowed_tags_without_an_admissible_path() -> None:
    torch.manual_seed(0)
    crf = bio_crf(1)
    allowed = torch.zeros(2, 3, 3, dtype=torch.bool)
    allowed[..., 2] = True  # only I, which cannot start a path
    allowed[1, 0, 1] = True
    mask = torch.ones(2, 3, dtype=torch.bool)
    nll = crf.marginal(torch.randn(2, 3, 3), allowed, mask)
    assert nll[0] == torch.inf and nll[1].isfinite()
    with pytest.raises(
        ValueError, match=r"allowed must be bool of shape \(2, 3, 3\), got torch.float32 \(2, 3\)"
    ):
        crf.marginal(torch.randn(2, 3, 3), torch.zeros(2, 3), mask)
