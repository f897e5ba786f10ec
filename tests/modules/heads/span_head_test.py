"""Properties of all span heads."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, SpanTable
from tests.modules.heads.building import batch_with, head_of, states_of

HEAD_TYPES = ["global_pointer", "biaffine"]
TYPES = ["LOC", "PER"]
NESTED = [Span(0, 6, "PER"), Span(0, 2, "LOC"), Span(2, 6, "LOC"), Span(3, 4, "PER")]
SENTENCES = [
    (8, NESTED),
    (7, [Span(1, 6, "LOC"), Span(1, 5, "PER"), Span(2, 3, "PER")]),
    (4, []),
    (1, []),
]
each_head = pytest.mark.parametrize("head_type", HEAD_TYPES)
Reading = tuple[Span, ...]


def crosses(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether spans overlap and neither contains the other."""
    first, second = set(range(one[0], one[1])), set(range(other[0], other[1]))
    return bool(first & second) and not first <= second and not second <= first


def output_with(head_type: str, head: Any, length: int, probabilities: dict[Span, float]) -> Tensor:
    """Output for a sentence in which some spans have given probabilities, and others almost 0."""
    output: Tensor = head(torch.zeros(1, length, head.input_dim), batch_with(head, [(length, [])]))
    valid = torch.ones(length, length).triu().bool()
    low = torch.where(valid, -30.0, -torch.inf)
    output = (
        torch.stack([low, low]).unsqueeze(0) if head_type == "global_pointer" else output.clone()
    )
    if head_type == "biaffine":
        output[0, ..., 0], output[0, ..., 1:] = 0.0, low.unsqueeze(-1)
    for span, probability in probabilities.items():
        score = math.log(probability / (1 - probability))
        c, last = TYPES.index(span.type), span.end - 1
        output[
            (0, c, span.start, last)
            if head_type == "global_pointer"
            else (0, span.start, last, c + 1)
        ] = score
    return output


def decoded(
    head_type: str, length: int, probabilities: dict[Span, float], **options: Any
) -> list[Span]:
    head = head_of(head_type, **options)
    (spans,) = head.decode_spans(
        output_with(head_type, head, length, probabilities), batch_with(head, [(length, [])])
    )
    assert [span.score for span in spans] == pytest.approx(
        [probabilities[span.span] for span in spans], rel=1e-4
    )
    return [span.span for span in spans]


@each_head
def test_nested_gold_is_learnt(head_type: str) -> None:
    head = head_of(head_type, width=16).train()
    batch = batch_with(head, SENTENCES)
    states, optimizer = states_of(batch, 16), torch.optim.Adam(head.parameters(), 0.02)
    before = head.loss(head(states, batch), batch).sum().item()
    for _ in range(150):
        optimizer.zero_grad()
        loss = head.loss(head(states, batch), batch).sum()
        loss.backward()
        optimizer.step()

    assert loss.item() < 0.02 * before
    found = head.eval().decode_spans(head(states, batch), batch)
    assert [[span.span for span in own] for own in found] == [sorted(gold) for _, gold in SENTENCES]
    assert all(span.score > 0.5 for own in found for span in own)


@each_head
def test_gradients_reach_every_parameter(head_type: str) -> None:
    head = head_of(head_type)
    batch = batch_with(head, SENTENCES)
    states = states_of(batch).requires_grad_()
    head.task_loss(head.loss(head(states, batch), batch), batch).backward()
    for name, parameter in head.named_parameters():
        assert (
            parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any()
        ), name
    assert states.grad is not None and states.grad.isfinite().all()
    assert states.grad.any(-1)[batch.mask_BL].all() and not states.grad[~batch.mask_BL].any()


@each_head
@pytest.mark.parametrize("garbage", [50.0, torch.nan])
def test_padding_and_other_sentences_have_no_effect(head_type: str, garbage: float) -> None:
    head = head_of(head_type)
    batch = batch_with(head, SENTENCES)
    states = states_of(batch)
    output = head(states.masked_fill(~batch.mask_BL.unsqueeze(-1), garbage), batch)
    loss_B, spans = head.loss(output, batch), head.decode_spans(output, batch)
    assert any(spans)
    for i, length in enumerate(batch.lengths):
        part = batch.select([i])
        alone = head(states[i : i + 1, :length], part)
        assert_close(head.loss(alone, part)[0], loss_B[i])
        (own,) = head.decode_spans(alone, part)
        assert [span.span for span in own] == [span.span for span in spans[i]]
        assert [span.score for span in own] == pytest.approx(
            [span.score for span in spans[i]], rel=1e-4
        )


@each_head
def test_targets_are_spans_of_known_types(head_type: str) -> None:
    head = head_of(head_type)
    batch = batch_with(
        head,
        [(5, [Span(1, 4, "PER"), Span(1, 2, "GPE"), Span(0, 5, "LOC")]), (2, [Span(0, 2, "GPE")])],
    )
    assert batch.targets["spans"].tolist() == [[[0, 4, 0], [1, 3, 1]], [[-1] * 3] * 2]
    gold = head.gold(batch)
    assert gold.nonzero().tolist() == [[0, 0, 4, 0], [0, 1, 3, 1]]


@each_head
def test_crossing_spans_are_dropped_and_nested_ones_kept(head_type: str) -> None:
    outer, inner = Span(0, 4, "PER"), Span(1, 3, "LOC")
    crossing, behind = Span(2, 6, "LOC"), Span(5, 8, "PER")
    spans = {outer: 0.9, crossing: 0.8, inner: 0.7, behind: 0.6}
    # `crossing` is dropped, and itself drops nothing.
    assert decoded(head_type, 8, spans) == [outer, inner, behind]
    assert decoded(head_type, 8, spans, flat=True) == [outer, behind]
    assert decoded(head_type, 8, {**spans, inner: 0.95}) == [outer, inner, behind]
    assert decoded(head_type, 8, {**spans, inner: 0.95}, flat=True) == [inner, behind]
    # A span with a probability below 0.5 is not predicted.
    assert decoded(head_type, 8, {outer: 0.4, crossing: 0.51}) == [crossing]


def test_a_pair_can_be_a_span_of_two_types() -> None:
    both = {Span(1, 3, "LOC"): 0.7, Span(1, 3, "PER"): 0.8}
    assert decoded("global_pointer", 4, both) == list(both)
    assert decoded("global_pointer", 4, both, flat=True) == [Span(1, 3, "PER")]


span_strategy = st.tuples(st.integers(0, 7), st.integers(1, 4), st.sampled_from(TYPES)).map(
    lambda drawn: Span(drawn[0], min(8, drawn[0] + drawn[1]), drawn[2])
)


@each_head
@pytest.mark.parametrize("flat", [False, True])
@settings(max_examples=40)
@given(
    spans=st.lists(span_strategy, unique_by=lambda span: span[:2], max_size=8),
    chances=st.permutations(range(8)),
)
def test_decoding_resolves_every_conflict(
    head_type: str, flat: bool, spans: list[Span], chances: list[int]
) -> None:
    probabilities = {
        span: 0.55 + 0.05 * chance for span, chance in zip(spans, chances, strict=False)
    }
    kept = decoded(head_type, 8, probabilities, flat=flat)

    def conflict(one: Span, other: Span) -> bool:
        overlap = one.start < other.end and other.start < one.end
        return overlap if flat else crosses(one, other)

    assert not any(conflict(one, other) for one, other in itertools.combinations(kept, 2))
    for span in set(spans) - set(kept):
        assert any(
            conflict(span, other) and probabilities[other] > probabilities[span] for other in kept
        )


def spread(head_type: str, temperature: float) -> Any:
    """A head with probabilities that are neither all near 0 nor all near 1."""
    head = head_of(head_type, **({"hidden_size": 8} if head_type == "biaffine" else {}))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    head.temperature.fill_(temperature)
    return head


@each_head
@pytest.mark.parametrize("temperature", [1.0, 2.5])
@torch.no_grad()
def test_scores_are_the_probabilities_of_spans(head_type: str, temperature: float) -> None:
    head = spread(head_type, temperature)
    batch = batch_with(head, SENTENCES)
    output = head(states_of(batch), batch)
    found = head.decode_spans(output, batch)
    table = SpanTable.of(found, TYPES)
    probabilities = head.span_probabilities(output, batch, table)
    np.testing.assert_allclose(
        probabilities, [span.score for own in found for span in sorted(own)], rtol=1e-6
    )
    assert (probabilities == head.span_probabilities(output, batch, table, temperature)).all()

    def by_hand(sentence: int, span: ScoredSpan) -> float:
        c, last = TYPES.index(span.type), span.end - 1
        if head_type == "global_pointer":
            return 1 / (1 + math.exp(-output[sentence, c, span.start, last].item() / temperature))
        scores = [
            math.exp(score / temperature) for score in output[sentence, span.start, last].tolist()
        ]
        return scores[c + 1] / sum(scores)

    expected = [by_hand(i, span) for i, own in enumerate(found) for span in sorted(own)]
    assert len(expected) > 5 and probabilities.tolist() == pytest.approx(expected, rel=1e-4)


def every_reading(head_type: str, output: Tensor, length: int) -> list[tuple[float, Reading]]:
    """All readings of a sentence with their probabilities, in descending order.

    One reading for every combination of options of the pairs of characters.
    """
    groups: list[list[tuple[float, Span | None]]] = []
    for i in range(length):
        for j in range(i, length):
            spans = [Span(i, j + 1, type_name) for type_name in TYPES]
            if head_type == "global_pointer":
                shares = [torch.sigmoid(output[c, i, j].double()).item() for c in range(2)]
                groups += [
                    [(1 - share, None), (share, span)]
                    for share, span in zip(shares, spans, strict=True)
                ]
            else:
                none, *shares = output[i, j].double().softmax(0).tolist()
                groups.append([(none, None), *zip(shares, spans, strict=True)])

    readings = []
    for chosen_options in itertools.product(*groups):
        kept: list[Span] = []
        for _, span in sorted((c for c in chosen_options if c[1] is not None), key=lambda c: -c[0]):
            if span is not None and not any(crosses(span, other) for other in kept):
                kept.append(span)
        readings.append((math.prod(share for share, _ in chosen_options), tuple(sorted(kept))))
    return sorted(readings, key=lambda reading: -reading[0])


@each_head
@pytest.mark.parametrize("n", [1, 2, 25, 400])
@torch.no_grad()
def test_ranked_readings_equal_enumeration(head_type: str, n: int) -> None:
    head = spread(head_type, 1.3)
    batch = batch_with(head, [(3, []), (2, []), (1, [])])
    output = head(states_of(batch), batch)
    ranked = head.rank(output, batch, n, entropy=True)
    assert ranked.scores_BN.shape == ranked.probabilities_BN.shape == (3, n)
    for i, length in enumerate(batch.lengths):
        all_readings = every_reading(head_type, output[i] / 1.3, length)
        # Of readings that are equal after conflicts are resolved, the most probable is kept.
        best: dict[Reading, float] = {}
        for share, own in all_readings:
            best.setdefault(own, share)
        expected = [(share, own) for own, share in best.items()]
        count = min(n, len(expected))
        shares = [share for share, _ in expected]
        assert [tuple(span.span for span in own) for own in ranked.spans[i]] == [
            own for _, own in expected[:count]
        ]
        assert ranked.probabilities_BN[i, :count].tolist() == pytest.approx(
            shares[:count], rel=1e-5
        )
        assert ranked.scores_BN[i, :count].tolist() == pytest.approx(
            [math.log(p) for p in shares[:count]], rel=1e-4, abs=1e-6
        )
        assert (ranked.scores_BN[i, count:] == -torch.inf).all() and not ranked.probabilities_BN[
            i, count:
        ].any()
        assert ranked.entropy_B is not None
        assert ranked.entropy_B[i].item() == pytest.approx(
            -sum(p * math.log(p) for p, _ in all_readings), rel=1e-4, abs=1e-6
        )
    assert [own[0] for own in ranked.spans] == head.decode_spans(output, batch)
    assert head.rank(output, batch, 1).entropy_B is None


@each_head
def test_word_segmentation_is_refused(head_type: str) -> None:
    message = 'task of head "msr" is word segmentation: expected "crf", "softmax" or'
    with pytest.raises(ConfigurationError, match=message) as error:
        head_of(head_type, "msr")
    assert error.value.path == "type"


@each_head
@torch.no_grad()
def test_full_precision_under_autocast(head_type: str) -> None:
    head = head_of(head_type).eval()
    batch = batch_with(head, SENTENCES)
    states = states_of(batch).bfloat16()
    expected = head(states.float(), batch)
    with torch.autocast("cpu", torch.bfloat16):
        output = head(states, batch)
        loss_B, spans = head.loss(output, batch), head.decode_spans(output, batch)
        ranked = head.rank(output, batch, 3)
    assert output.dtype == torch.float32 and torch.equal(output, expected)
    assert torch.equal(loss_B, head.loss(expected, batch)) and spans == head.decode_spans(
        expected, batch
    )
    assert torch.equal(ranked.probabilities_BN, head.rank(expected, batch, 3).probabilities_BN)


@each_head
def test_dropout_works_in_training_only(head_type: str) -> None:
    head = head_of(head_type, dropout=0.5)
    batch = batch_with(head, SENTENCES)
    states = states_of(batch)
    assert not torch.equal(head(states, batch), head(states, batch))
    head.eval()
    assert torch.equal(head(states, batch), head(states, batch))


@each_head
def test_weights_and_lengths_normalise_the_loss(head_type: str) -> None:
    batch = batch_with(head_of(head_type), SENTENCES)
    batch = replace(batch, weights_B=torch.tensor([1.0, 0.5, 0.0, 2.0]))
    for normalize_by in ("characters", "sentences"):
        head = head_of(head_type, normalize_by=normalize_by)
        loss_B = head.loss(head(states_of(batch), batch), batch)
        sizes = batch.lengths if normalize_by == "characters" else [1] * 4
        expected = (
            sum(
                w * x / n
                for w, x, n in zip(batch.weights_B.tolist(), loss_B.tolist(), sizes, strict=True)
            )
            / 4
        )
        assert head.task_loss(loss_B, batch).item() == pytest.approx(expected, rel=1e-5)
