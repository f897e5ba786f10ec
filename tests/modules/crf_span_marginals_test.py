"""Marginal probabilities of spans against enumeration of all tag paths."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from ner_adv_plugin.data.labels.span_reading import SpanReading
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.labels.tag_arrays import (
    TagTable,
    lenient_spans,
    sentence_offsets,
    strict_spans,
)
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.modules.crf import ConditionalRandomField, span_probabilities
from tests.modules.crf_reference import enumerate_paths, prefix_mask, scores_of, with_random_scores

ENTITY_SCHEMES = ["BIO", "BIOES", "BMES", "BILOU", "IOB1"]
WORD_SCHEMES = ["BIO", "BIOES", "BMES", "BILOU"]
SCHEMES = [(name, False) for name in ENTITY_SCHEMES] + [(name, True) for name in WORD_SCHEMES]
LENGTHS = [4, 1, 3, 2, 4]
each_scheme = pytest.mark.parametrize(("name", "segmentation"), SCHEMES)


def example(
    name: str, segmentation: bool, constrained: bool, lengths: Sequence[int], seed: int = 0
) -> tuple[ConditionalRandomField, Tensor, TagTable]:
    """Return a CRF over the tags of a scheme, random tag scores of sentences, and the tags.

    The scheme has two entity types, or encodes words.
    """
    torch.manual_seed(seed)
    scheme = get_scheme(name, segmentation)
    types = [""] if segmentation else ["LOC", "PER"]
    labels = scheme.labels(types)
    masks = [torch.from_numpy(mask) for mask in scheme.transitions(labels)] if constrained else []
    crf = with_random_scores(ConditionalRandomField(len(labels), *masks))
    return (
        crf,
        1.5 * torch.randn(len(lengths), max(lengths), len(labels)),
        TagTable.of(scheme, types),
    )


def every_span(types: Sequence[str], lengths: Sequence[int]) -> SpanTable:
    """All possible spans of all types in sentences of the given lengths."""
    return SpanTable.of(
        [
            [
                Span(start, end, type_name)
                for start in range(length)
                for end in range(start + 1, length + 1)
                for type_name in types
            ]
            for length in lengths
        ],
        types,
    )


def enumerated(
    crf: ConditionalRandomField, emissions: Tensor, table: TagTable, scale: float
) -> dict[Span, float]:
    """Probability of each span of a sentence: the sum over the paths that decode to it."""
    starts, transitions, ends = scores_of(crf)
    paths, scores = enumerate_paths(
        crf, scale * emissions.double(), (scale * starts, scale * transitions, scale * ends)
    )
    to_spans = lenient_spans if table.scheme.segmentation else strict_spans
    readings = to_spans(
        paths.flatten().numpy(), sentence_offsets([len(emissions)] * len(paths)), table
    )

    found: dict[Span, float] = defaultdict(float)
    for spans, probability in zip(readings, scores.detach().softmax(0).tolist(), strict=True):
        for span in spans or ():
            found[span] += probability
    return found


@each_scheme
@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("scale", [1.0, 0.4, 3.0])
def test_equals_enumeration(name: str, segmentation: bool, constrained: bool, scale: float) -> None:
    crf, emissions, table = example(name, segmentation, constrained, LENGTHS)
    spans = every_span(table.type_names, LENGTHS)
    found = span_probabilities(
        crf, emissions, prefix_mask(LENGTHS), spans, SpanReading(table), scale
    )

    expected = []
    for sentence, length in enumerate(LENGTHS):
        known = enumerated(crf, emissions[sentence, :length], table, scale)
        expected += [known[span] for span in spans.spans(sentence) or ()]
    # 10 + 1 + 6 + 3 + 10 pairs of characters, for every type.
    assert len(found) == len(expected) == 30 * len(table.type_names)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert (found > 0).sum() > len(found) / 2


@pytest.mark.parametrize("name", ["BIO", "BIOES", "BMES", "BILOU"])
@pytest.mark.parametrize("segmentation", [False, True])
def test_probabilities_of_spans_starting_at_a_character_and_none_sum_to_one(
    name: str, segmentation: bool
) -> None:
    lengths = [25, 9, 1]
    crf, emissions, table = example(name, segmentation, True, lengths)
    spans, mask = every_span(table.type_names, lengths), prefix_mask(lengths)
    found = span_probabilities(crf, emissions, mask, spans, SpanReading(table))

    starting_BL = torch.zeros(3, 25, dtype=torch.double)
    starting_BL.index_put_(
        (torch.from_numpy(spans.sentences_S), torch.from_numpy(spans.starts_S.astype(np.int64))),
        torch.from_numpy(found),
        accumulate=True,
    )
    # In legal tag paths, exactly the tags B, S and U begin a span.
    begins_T = torch.tensor([label[0] in "BSU" for label in table.scheme.labels(table.type_names)])
    none_BL = crf.marginals(emissions.double(), mask)[..., ~begins_T].sum(-1)
    torch.testing.assert_close((starting_BL + none_BL)[mask], torch.ones(35, dtype=torch.double))


@each_scheme
@pytest.mark.parametrize("garbage", [torch.nan, torch.inf, 1e30])
def test_padding_and_other_sentences_have_no_effect(
    name: str, segmentation: bool, garbage: float
) -> None:
    lengths = [6, 1, 4, 9, 2]
    crf, emissions, table = example(name, segmentation, True, lengths)
    mask, reading = prefix_mask(lengths), SpanReading(table)
    spans = every_span(table.type_names, lengths)
    dirty = emissions.masked_fill(~mask.unsqueeze(-1), garbage)
    found = span_probabilities(crf, dirty, mask, spans, reading)
    assert (found == span_probabilities(crf, emissions, mask, spans, reading)).all()

    for sentence, length in enumerate(lengths):
        own = spans.select(np.array([sentence]))
        index = slice(sentence, sentence + 1), slice(0, length)
        alone = span_probabilities(crf, emissions[index], mask[index], own, reading)
        np.testing.assert_allclose(alone, found[spans.sentences_S == sentence], rtol=1e-9)


def test_only_sentences_with_spans_are_computed() -> None:
    lengths = [5, 4, 3]
    crf, emissions, table = example("BIO", False, True, lengths)
    mask, reading = prefix_mask(lengths), SpanReading(table)
    nothing = SpanTable.of([[], None, []], ["LOC", "PER"])
    assert span_probabilities(crf, emissions, mask, nothing, reading).shape == (0,)

    some = SpanTable.of([[], [Span(1, 3, "PER")], []], ["LOC", "PER"])
    expected = enumerated(crf, emissions[1, :4], table, 1.0)[Span(1, 3, "PER")]
    emissions[[0, 2]] = torch.nan
    assert span_probabilities(crf, emissions, mask, some, reading).tolist() == pytest.approx(
        [expected], rel=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_long_sentences_in_any_precision(dtype: torch.dtype) -> None:
    lengths = [1500, 700]
    crf, emissions, table = example("BIOES", False, True, lengths)
    # Path scores reach 1e4; their likelihoods are far below the smallest float64.
    emissions, mask = (20 * emissions).to(dtype), prefix_mask(lengths)
    best = crf.decode(emissions, mask)
    spans = strict_spans(best[mask].numpy(), sentence_offsets(lengths), table)
    with torch.autocast("cpu", torch.bfloat16):
        found = span_probabilities(crf, emissions, mask, spans, SpanReading(table))
    high = span_probabilities(crf, emissions.double(), mask, spans, SpanReading(table))
    assert found.dtype == np.float64 and (found == high).all()
    assert ((found >= 0) & (found <= 1)).all() and found.mean() > 0.9


def test_by_hand() -> None:
    """Two independent characters, each O, B or I with the weights 1, 2 and 3."""
    crf = ConditionalRandomField(3)
    for parameter in crf.parameters():
        torch.nn.init.zeros_(parameter)
    emissions = torch.tensor([1.0, 2.0, 3.0]).log().repeat(1, 2, 1)
    spans = SpanTable.of([[Span(0, 1, "X"), Span(0, 2, "X"), Span(1, 2, "X")]])
    table = TagTable.of(get_scheme("BIO"), ["X"])
    found = span_probabilities(crf, emissions, prefix_mask([2]), spans, SpanReading(table))
    # B, then O or B; B, then I; any tag, then B.
    assert found.tolist() == pytest.approx([2 * 3 / 36, 2 * 3 / 36, 6 * 2 / 36])
