"""Heads: losses against independent computation, normalisation, weights, constraints."""

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch, share_totals
from ner_adv_plugin.modules.heads import CrfHead, Head, PytorchCrfHead, SoftmaxHead
from tests.modules.examples import mixed_batch, vocabulary

WIDTH = 5
VOCAB = vocabulary()
LENGTHS = [6, 4, 3, 1]


def head_of(kind: str, head: str = "weibo", **settings: Any) -> Head:
    torch.manual_seed(0)
    config = {"type": kind, "dropout": 0.0, **settings}
    return Head.from_params(config, label_space=VOCAB.label_space(head), input_dim=WIDTH)


def example(head: str = "weibo") -> tuple[Batch, torch.Tensor]:
    torch.manual_seed(1)
    return mixed_batch(VOCAB, {head: LENGTHS}), torch.randn(len(LENGTHS), max(LENGTHS), WIDTH)


def test_crf_without_constraints_equals_the_library() -> None:
    own, library = head_of("crf", constrained=False), head_of("pytorch_crf")
    for parameter in own.parameters():
        torch.nn.init.normal_(parameter)
    library.load_state_dict(own.state_dict())
    batch, states = example()
    ours, theirs = own(states, batch), library(states, batch)
    assert_close(ours.nll_B, theirs.nll_B)
    assert_close(own.loss(ours, batch), library.loss(theirs, batch))
    own.loss(ours, batch).backward()
    library.loss(theirs, batch).backward()
    for one, other in zip(own.parameters(), library.parameters(), strict=True):
        assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
    assert torch.equal(
        own.decode(ours.emissions_BLT, batch.mask_BL), library.decode(theirs.emissions_BLT, batch.mask_BL)
    )


def test_softmax_loss_is_the_cross_entropy_of_each_character() -> None:
    head = head_of("softmax")
    batch, states = example()
    output = head(states, batch)
    assert batch.tags_BL is not None and output.nll_B is not None
    for row, length in enumerate(LENGTHS):
        logits = states[row, :length] @ head.projection.weight.T + head.projection.bias
        assert_close(output.nll_B[row], cross_entropy(logits, batch.tags_BL[row, :length], reduction="sum"))
        best = head.decode(output.emissions_BLT, batch.mask_BL)[row]
        assert best[:length].equal(logits.argmax(-1)) and not best[length:].any()


@pytest.mark.parametrize("kind", ["crf", "pytorch_crf", "softmax"])
def test_loss_is_the_weighted_mean_over_rows(kind: str) -> None:
    batch, states = example()
    batch.weights_B = torch.tensor([1.0, 0.5, 0.0, 2.0])
    for normalize_by in ("characters", "rows"):
        head = head_of(kind, normalize_by=normalize_by)
        output = head(states, batch)
        assert output.nll_B is not None
        rows = [
            weight * nll / (length if normalize_by == "characters" else 1)
            for weight, nll, length in zip(batch.weights_B.tolist(), output.nll_B.tolist(), LENGTHS, strict=True)
        ]
        assert head.loss(output, batch).item() == pytest.approx(sum(rows) / len(LENGTHS), rel=1e-5)


def test_loss_is_a_share_of_the_global_batch() -> None:
    head = head_of("crf")
    batch, states = example()
    micro = share_totals([batch.select([0, 1]), batch.select([2, 3])])
    parts = [
        head.loss(head(states[rows, : part.mask_BL.shape[1]], part), part)
        for rows, part in zip(([0, 1], [2, 3]), micro, strict=True)
    ]
    assert_close(sum(parts), head.loss(head(states, batch), batch))


@pytest.mark.parametrize("kind", ["crf", "pytorch_crf", "softmax"])
def test_padding_has_no_influence(kind: str) -> None:
    head = head_of(kind)
    batch, states = example()
    changed = torch.where(batch.mask_BL[..., None], states, torch.tensor(50.0))
    first, second = head(states, batch), head(changed, batch)
    assert_close(first.nll_B, second.nll_B)
    best = [head.decode(output.emissions_BLT, batch.mask_BL) for output in (first, second)]
    assert best[0].equal(best[1]) and not best[0][~batch.mask_BL].any()


@pytest.mark.parametrize("task", ["weibo", "msr"])
def test_constrained_head_gives_legal_tags_only(task: str) -> None:
    head = head_of("crf", task)
    batch, _ = example(task)
    space = VOCAB.label_space(task)
    for seed in range(5):
        emissions = 20 * torch.randn(4, 6, len(space.labels), generator=torch.Generator().manual_seed(seed))
        for row, length in zip(head.decode(emissions, batch.mask_BL).tolist(), LENGTHS, strict=True):
            assert space.scheme.illegal([space.labels[tag] for tag in row[:length]]) == []


def test_without_gold_there_is_no_loss() -> None:
    batch, states = example()
    output = head_of("crf")(states, batch.without_tags())
    assert output.nll_B is None and output.emissions_BLT.shape == (4, 6, 5)


@pytest.mark.parametrize("kind", ["crf", "pytorch_crf", "softmax"])
def test_full_precision_under_autocast(kind: str) -> None:
    """Of the states as they come, in half precision: their tag scores and losses are not rounded again."""
    head = head_of(kind).eval()
    batch, states = example()
    states = states.bfloat16()
    expected = head(states.float(), batch)
    with torch.autocast("cpu", torch.bfloat16):
        output = head(states, batch)
    assert torch.equal(output.emissions_BLT, expected.emissions_BLT)
    assert torch.equal(output.nll_B, expected.nll_B)


def test_dropout_works_in_training_only() -> None:
    head = head_of("softmax", dropout=0.5)
    batch, states = example()
    trained = head(torch.ones_like(states), batch).emissions_BLT
    assert not torch.equal(trained[0, 0], trained[0, 1])
    head.eval()
    assert_close(head(states, batch).emissions_BLT, head.projection(states))


def test_types_and_settings() -> None:
    assert isinstance(head_of("crf", reads=["shared"], weight=0.5), CrfHead)
    assert isinstance(head_of("pytorch_crf"), PytorchCrfHead) and isinstance(head_of("softmax"), SoftmaxHead)
    default = Head.from_params({}, label_space=VOCAB.label_space("weibo"), input_dim=WIDTH)
    assert isinstance(default, CrfHead) and default.weight == 1.0
    with pytest.raises(ConfigurationError, match="weight: expected 0 or more, found -1"):
        head_of("crf", weight=-1)
    with pytest.raises(ConfigurationError, match="normalize_by: found 'chars'"):
        head_of("crf", normalize_by="chars")
