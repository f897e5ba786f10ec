"""The CRF in numpy, compared with that in torch, which is compared with brute force."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.span_reading import SpanReading
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.labels.tag_arrays import TagTable
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.crf import span_probabilities as torch_span_probabilities
from ner_adv_plugin.runtime.crf import (
    Scores,
    messages,
    n_best,
    span_probabilities,
    viterbi,
)

TYPES = ("LOC", "PER")
lengths_of_batches = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(
    lambda lengths: sorted(lengths, reverse=True)
)


def pair(
    scheme_name: str, lengths: list[int], seed: int, scale: float = 1.0
) -> tuple[ConditionalRandomField, torch.Tensor, torch.Tensor, Scores]:
    """A CRF in torch with emissions and mask, and the same scores for numpy."""
    torch.manual_seed(seed)
    scheme = get_scheme(scheme_name)
    labels = scheme.labels(TYPES)
    masks = [torch.from_numpy(mask) for mask in scheme.transitions(labels)]
    crf = ConditionalRandomField(len(labels), *masks)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_()
    emissions = scale * torch.randn(len(lengths), lengths[0], len(labels))
    mask = torch.arange(lengths[0]) < torch.tensor(lengths)[:, None]

    fields = [
        values.detach().masked_fill(~allowed, -torch.inf).double().numpy()
        for values, allowed in (
            (crf.start_transitions, crf.allowed_starts),
            (crf.transitions, crf.allowed_transitions),
            (crf.end_transitions, crf.allowed_ends),
        )
    ]
    scores = Scores(emissions.double().numpy(), np.array(lengths), *fields)
    return crf, emissions, mask, scores


@settings(max_examples=20)
@given(st.sampled_from(["BIO", "BIOES", "IOB1"]), lengths_of_batches, st.integers(0, 10**6))
def test_paths_are_those_of_torch(name: str, lengths: list[int], seed: int) -> None:
    crf, emissions, mask, scores = pair(name, lengths, seed)
    assert viterbi(scores).tolist() == crf.decode(emissions, mask).tolist()
    for n in (1, 2, 7):
        tags_BNL, scores_BN = n_best(scores, n)
        expected = crf.n_best(emissions.double(), mask, n)
        assert tags_BNL.tolist() == expected.tags_BNL.tolist()
        assert scores_BN == pytest.approx(expected.scores_BN.numpy())


@pytest.mark.parametrize("scale", [1.0, 300.0])
@settings(max_examples=15)
@given(st.sampled_from(["BIO", "BIOES", "IOB1"]), lengths_of_batches, st.integers(0, 10**6))
def test_probabilities_are_those_of_torch(
    scale: float, name: str, lengths: list[int], seed: int
) -> None:
    crf, emissions, mask, scores = pair(name, lengths, seed, scale)
    partition = crf.log_partition(emissions.double(), mask).detach().numpy()
    assert messages(scores)[2] == pytest.approx(partition)

    spans = SpanTable.of(
        [
            [
                Span(start, end, kind)
                for start in range(length)
                for end in range(start + 1, min(length, start + 4) + 1)
                for kind in TYPES
            ]
            for length in lengths
        ],
        TYPES,
    )
    reading = SpanReading(TagTable.of(get_scheme(name), TYPES))
    expected = torch_span_probabilities(crf, emissions.double(), mask, spans, reading)
    found = span_probabilities(scores, spans, reading)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_sentence_with_fewer_paths_than_asked_for() -> None:
    _, _, _, scores = pair("BIO", [2, 1], 0)
    tags_BNL, scores_BN = n_best(scores, 20)
    assert tags_BNL.shape == (2, 20, 2)
    # O, B-LOC and B-PER are the only tags of a single character.
    assert np.isfinite(scores_BN[1]).sum() == 3 and (tags_BNL[1, 3:] == 0).all()
    # After O three tags may follow, after B-X four.
    assert np.isfinite(scores_BN[0]).sum() == 3 + 4 + 4


def test_no_spans() -> None:
    _, _, _, scores = pair("BIO", [3], 0)
    reading = SpanReading(TagTable.of(get_scheme("BIO"), TYPES))
    assert span_probabilities(scores, SpanTable.of([[]], TYPES), reading).shape == (0,)
