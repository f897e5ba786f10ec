"""Independent references for the CRF: enumeration of all paths, and autograd in log space."""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from ner_adv_plugin.modules.crf import ConditionalRandomField

# Finite, so that autograd through logsumexp gives no NaN; its exponential is 0.
FORBIDDEN = -1e30


class Likelihood(NamedTuple):
    """Negative log-likelihoods (B,) and the gradients of their weighted sum."""

    nll: Tensor
    emissions: Tensor
    starts: Tensor
    transitions: Tensor
    ends: Tensor


class Enumeration(NamedTuple):
    """All admissible paths of one sequence: tags (P, length) and scores (P,)."""

    paths: Tensor
    scores: Tensor


def bio_crf(num_types: int, scale: float = 1.0) -> ConditionalRandomField:
    """CRF over O, B-0, I-0, B-1, I-1, ... with random scores of the given scale.

    I-x is allowed only after B-x or I-x.
    """
    tags = 2 * num_types + 1
    inside = torch.arange(tags) % 2 == 0
    inside[0] = False
    allowed = ~inside.expand(tags, tags).clone()
    for tag in range(2, tags, 2):
        allowed[tag - 1, tag] = allowed[tag, tag] = True
    return with_random_scores(ConditionalRandomField(tags, ~inside, allowed), scale)


def with_random_scores(crf: ConditionalRandomField, scale: float = 1.0) -> ConditionalRandomField:
    """Draw the transition scores of a CRF from a normal distribution; return the CRF."""
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_(std=scale)
    return crf


def prefix_mask(lengths: list[int], length: int | None = None) -> Tensor:
    """Mask (B, L) bool with True at the first `lengths[b]` positions."""
    return torch.arange(length or max(lengths)) < torch.tensor(lengths).unsqueeze(1)


def admissible_tags(crf: ConditionalRandomField, mask: Tensor) -> Tensor:
    """Random tags (B, L) along allowed starts and transitions; ends are not checked."""
    sequences, length = mask.shape
    tags = torch.zeros(sequences, length, dtype=torch.long)
    allowed = crf.allowed_starts.expand(sequences, -1)
    for position in range(length):
        tags[:, position] = torch.multinomial(allowed.float(), 1).squeeze(1)
        allowed = crf.allowed_transitions[tags[:, position]]
    return tags


def scores_of(crf: ConditionalRandomField) -> tuple[Tensor, Tensor, Tensor]:
    """Copies of the start, transition and end scores as float64 leaf tensors."""
    parameters = (crf.start_transitions, crf.transitions, crf.end_transitions)
    starts, transitions, ends = (
        parameter.detach().double().requires_grad_() for parameter in parameters
    )
    return starts, transitions, ends


def constrained(
    crf: ConditionalRandomField, scores: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, ...]:
    """Scores with FORBIDDEN for forbidden starts, transitions and ends."""
    allowed = (crf.allowed_starts, crf.allowed_transitions, crf.allowed_ends)
    return tuple(
        score.masked_fill(~mask, FORBIDDEN) for score, mask in zip(scores, allowed, strict=True)
    )


def enumerate_paths(
    crf: ConditionalRandomField,
    emissions: Tensor,
    scores: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Enumeration:
    """Enumerate the paths of one sequence of emissions (length, T), length at least 1."""
    starts, transitions, ends = scores or scores_of(crf)
    paths = torch.tensor(list(product(range(crf.num_tags), repeat=len(emissions))))
    admissible = crf.allowed_starts[paths[:, 0]] & crf.allowed_ends[paths[:, -1]]
    admissible &= crf.allowed_transitions[paths[:, :-1], paths[:, 1:]].all(1)
    paths = paths[admissible]
    totals = (
        starts[paths[:, 0]] + ends[paths[:, -1]] + transitions[paths[:, :-1], paths[:, 1:]].sum(1)
    )
    return Enumeration(
        paths, totals + emissions.double()[torch.arange(len(emissions)), paths].sum(1)
    )


def enumerated_likelihood(
    crf: ConditionalRandomField, emissions: Tensor, tags: Tensor, mask: Tensor, weights: Tensor
) -> Likelihood:
    """Likelihood and gradients by enumeration."""
    scores = scores_of(crf)
    leaf = emissions.detach().double().requires_grad_()
    sequences = []
    for sequence, length in enumerate(mask.sum(1).tolist()):
        if length == 0:
            sequences.append(leaf[sequence].sum() * 0.0)
            continue
        paths, path_scores = enumerate_paths(crf, leaf[sequence, :length], scores)
        gold = (paths == tags[sequence, :length]).all(1)
        sequences.append(path_scores.logsumexp(0) - path_scores[gold].squeeze(0))
    return _differentiated(torch.stack(sequences), weights, leaf, scores)


def log_space_likelihood(
    crf: ConditionalRandomField, emissions: Tensor, tags: Tensor, mask: Tensor, weights: Tensor
) -> Likelihood:
    """Likelihood and gradients by the forward recursion in log space and autograd.

    No sequence may be empty.
    """
    scores = scores_of(crf)
    starts, transitions, ends = constrained(crf, scores)
    leaf = emissions.detach().double().requires_grad_()
    alpha = starts + leaf[:, 0]
    gold = alpha.gather(1, tags[:, :1]).squeeze(1)
    for position in range(1, mask.shape[1]):
        inside = mask[:, position]
        step = torch.logsumexp(alpha.unsqueeze(2) + transitions, dim=1) + leaf[:, position]
        alpha = torch.where(inside.unsqueeze(1), step, alpha)
        previous, current = tags[:, position - 1], tags[:, position]
        emitted = leaf[:, position].gather(1, current.unsqueeze(1)).squeeze(1)
        local = transitions[previous, current] + emitted
        gold = gold + torch.where(inside, local, 0.0)
    last = tags.gather(1, mask.sum(1, keepdim=True) - 1).squeeze(1)
    return _differentiated(
        torch.logsumexp(alpha + ends, dim=1) - gold - ends[last], weights, leaf, scores
    )


def likelihood(
    crf: ConditionalRandomField, emissions: Tensor, tags: Tensor, mask: Tensor, weights: Tensor
) -> Likelihood:
    """Likelihood and gradients by the CRF under test."""
    leaf = emissions.detach().clone().requires_grad_()
    scores = (crf.start_transitions, crf.transitions, crf.end_transitions)
    return _differentiated(crf(leaf, tags, mask), weights, leaf, scores)


def assert_same_likelihood(
    actual: Likelihood, expected: Likelihood, rtol: float, atol: float
) -> None:
    """Compare values and gradients after conversion to float64."""
    found = {name: value.double() for name, value in actual._asdict().items()}
    wanted = {name: value.double() for name, value in expected._asdict().items()}
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)


def _differentiated(
    nll: Tensor, weights: Tensor, emissions: Tensor, scores: tuple[Tensor, Tensor, Tensor]
) -> Likelihood:
    gradients = torch.autograd.grad((nll * weights).sum(), [emissions, *scores])
    return Likelihood(nll.detach(), *gradients)
