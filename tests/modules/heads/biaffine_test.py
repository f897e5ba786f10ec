"""Biaffine head: scores and loss against loops over the formulas."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.labels.spans import Span
from tests.modules.heads.building import PARTIAL, batch_of, batch_with, head_of, states_of

# The first option is "none".
OPTIONS = ["", "LOC", "PER"]
SIZE = 4
NESTED = [Span(0, 5, "PER"), Span(0, 2, "LOC"), Span(3, 4, "LOC")]
SENTENCES = [(5, NESTED), (3, [Span(1, 3, "LOC")]), (2, []), (1, [Span(0, 1, "PER")])]


def naive_scores(head: torch.nn.Module, states_LD: Tensor) -> dict[tuple[int, int], list[float]]:
    """r(i, j) of all options for every pair i <= j."""
    weights = {name: parameter.double().tolist() for name, parameter in head.named_parameters()}
    edges = [
        [
            max(0.0, bias + sum(w * x for w, x in zip(row, state, strict=True)))
            for row, bias in zip(weights["edges.weight"], weights["edges.bias"], strict=True)
        ]
        for state in states_LD.double().tolist()
    ]
    scores = {}
    for i in range(len(edges)):
        for j in range(i, len(edges)):
            first, last = edges[i][:SIZE], edges[j][SIZE:]
            scores[i, j] = [
                sum(
                    first[h] * weights["pairs"][k][h][g] * last[g]
                    for h in range(SIZE)
                    for g in range(SIZE)
                )
                + sum(
                    w * x for w, x in zip(weights["singles.weight"][k], first + last, strict=True)
                )
                + weights["singles.bias"][k]
                for k in range(len(OPTIONS))
            ]
    return scores


def naive_loss(
    scores: dict[tuple[int, int], list[float]], gold: list[Span], hidden: tuple[str, ...] = ()
) -> float:
    """Cross-entropy summed over all pairs.

    For a pair that is not a gold span, "none" and the hidden types are correct.
    """
    total = 0.0
    for (i, j), own in scores.items():
        correct = [span.type for span in gold if (span.start, span.end) == (i, j + 1)] or [
            "",
            *hidden,
        ]
        likely = sum(math.exp(own[OPTIONS.index(option)]) for option in correct)
        total -= math.log(likely / sum(map(math.exp, own)))
    return total


def biaffine(**settings: object) -> torch.nn.Module:
    head: torch.nn.Module = head_of("biaffine", hidden_size=SIZE, **settings)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head


def test_scores_equal_the_formula() -> None:
    head = biaffine()
    batch = batch_with(head, SENTENCES)
    states = states_of(batch)
    output = head(states, batch)
    assert output.shape == (4, 5, 5, 3)
    for sentence, length in enumerate(batch.lengths):
        expected = naive_scores(head, states[sentence, :length])
        for i in range(5):
            for j in range(5):
                scores = expected.get((i, j), [0.0, -math.inf, -math.inf])
                assert output[sentence, i, j].tolist() == pytest.approx(scores, rel=1e-4, abs=1e-5)


def test_loss_is_the_sum_over_pairs() -> None:
    head = biaffine()
    batch = batch_with(head, SENTENCES)
    states = states_of(batch)
    expected = [
        naive_loss(naive_scores(head, states[i, :n]), gold) for i, (n, gold) in enumerate(SENTENCES)
    ]
    assert head.loss(head(states, batch), batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_types_that_a_dataset_does_not_annotate_are_as_correct_as_none() -> None:
    head = biaffine(vocab=PARTIAL)
    persons = [Span(0, 4, "PER"), Span(1, 2, "PER")]
    batch = batch_of(head, {"full": [(5, NESTED)], "partial": [(4, persons), (3, [])]}, PARTIAL)
    states = states_of(batch)
    output = head(states, batch)
    golds: list[tuple[list[Span], tuple[str, ...]]] = [
        (NESTED, ()),
        (persons, ("LOC",)),
        ([], ("LOC",)),
    ]
    expected = [
        naive_loss(naive_scores(head, states[i, : batch.lengths[i]]), *gold)
        for i, gold in enumerate(golds)
    ]
    assert head.loss(output, batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_types_that_a_dataset_does_not_annotate_get_no_gradient() -> None:
    """With PER excluded, any distribution over the other options has no loss."""
    head = biaffine(vocab=PARTIAL)
    batch = batch_of(head, {"partial": [(3, [])]}, PARTIAL)
    scores = torch.randn(1, 3, 3, 3)
    scores[..., OPTIONS.index("PER")] = -100.0
    output = torch.where(
        torch.ones(3, 3).triu().bool()[None, :, :, None], scores, torch.tensor([0.0, -1e9, -1e9])
    )
    output.requires_grad_()
    loss_B = head.loss(output, batch)
    loss_B.sum().backward()
    assert_close(loss_B, torch.zeros(1))
    assert output.grad is not None and output.grad.abs().max() < 1e-6


def test_size_must_be_positive() -> None:
    with pytest.raises(ConfigurationError, match="hidden_size: expected 1 or more, found 0"):
        head_of("biaffine", hidden_size=0)
