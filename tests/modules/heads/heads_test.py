"""Heads: losses against independent computations, normalisation, weights and constraints."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.heads import (
    BiaffineHead,
    CrfHead,
    GlobalPointerHead,
    Head,
    PytorchCrfHead,
    SoftmaxHead,
)
from tests.data.global_batch import share_totals
from tests.modules.heads.building import LENGTHS, VOCAB, WIDTH, example, head_of

TAGGERS = ["crf", "pytorch_crf", "softmax"]
each_tagger = pytest.mark.parametrize("head_type", TAGGERS)


def test_crf_without_constraints_equals_the_library() -> None:
    own, library = head_of("crf", constrained=False), head_of("pytorch_crf")
    for parameter in own.parameters():
        torch.nn.init.normal_(parameter)
    library.load_state_dict(own.state_dict())
    batch, states = example()
    ours, theirs = own(states, batch), library(states, batch)
    losses = own.loss(ours, batch), library.loss(theirs, batch)
    assert_close(*losses)
    own.task_loss(losses[0], batch).backward()
    library.task_loss(losses[1], batch).backward()
    for one, other in zip(own.parameters(), library.parameters(), strict=True):
        assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
    assert torch.equal(own.decode(ours, batch.mask_BL), library.decode(theirs, batch.mask_BL))
    assert own.decode_spans(ours, batch) == library.decode_spans(theirs, batch)


def test_softmax_loss_is_the_cross_entropy_of_each_character() -> None:
    head = head_of("softmax")
    batch, states = example()
    output, tags_BL = head(states, batch), batch.targets["tags"]
    for sentence, length in enumerate(LENGTHS):
        logits = states[sentence, :length] @ head.projection.weight.T + head.projection.bias
        assert_close(
            head.loss(output, batch)[sentence],
            cross_entropy(logits, tags_BL[sentence, :length], reduction="sum"),
        )
        best = head.decode(output, batch.mask_BL)[sentence]
        assert best[:length].equal(logits.argmax(-1)) and not best[length:].any()


@each_tagger
def test_task_loss_is_the_weighted_mean_over_sentences(head_type: str) -> None:
    batch, states = example()
    batch.weights_B = torch.tensor([1.0, 0.5, 0.0, 2.0])
    for normalize_by in ("characters", "sentences"):
        head = head_of(head_type, normalize_by=normalize_by)
        loss_B = head.loss(head(states, batch), batch)
        sentences = [
            weight * loss / (length if normalize_by == "characters" else 1)
            for weight, loss, length in zip(
                batch.weights_B.tolist(), loss_B.tolist(), LENGTHS, strict=True
            )
        ]
        assert head.task_loss(loss_B, batch).item() == pytest.approx(
            sum(sentences) / len(LENGTHS), rel=1e-5
        )


def test_task_task_losses_add_up() -> None:
    head = head_of("crf")
    batch, states = example()
    micro_batches = share_totals([batch.select([0, 1]), batch.select([2, 3])])
    task_losses = [
        head.task_loss(
            head.loss(
                head(states[sentences, : micro_batch.mask_BL.shape[1]], micro_batch), micro_batch
            ),
            micro_batch,
        )
        for sentences, micro_batch in zip(([0, 1], [2, 3]), micro_batches, strict=True)
    ]
    assert_close(sum(task_losses), head.task_loss(head.loss(head(states, batch), batch), batch))


@each_tagger
def test_padding_has_no_effect(head_type: str) -> None:
    head = head_of(head_type)
    batch, states = example()
    changed = torch.where(batch.mask_BL[..., None], states, torch.tensor(50.0))
    first, second = head(states, batch), head(changed, batch)
    assert_close(head.loss(first, batch), head.loss(second, batch))
    best = [head.decode(output, batch.mask_BL) for output in (first, second)]
    assert best[0].equal(best[1]) and not best[0][~batch.mask_BL].any()
    assert head.decode_spans(first, batch) == head.decode_spans(second, batch)


@pytest.mark.parametrize("task", ["weibo", "msr"])
def test_constrained_head_decodes_legal_tags_only(task: str) -> None:
    head = head_of("crf", task)
    batch, _ = example(task)
    for seed in range(5):
        emissions = 20 * torch.randn(
            4, 6, len(head.labels), generator=torch.Generator().manual_seed(seed)
        )
        for sentence, length in zip(
            head.decode(emissions, batch.mask_BL).tolist(), LENGTHS, strict=True
        ):
            assert head.scheme.illegal([head.labels[tag] for tag in sentence[:length]]) == []


@each_tagger
def test_decoding_needs_no_targets(head_type: str) -> None:
    batch, states = example()
    head = head_of(head_type)
    output = head(states, batch.without_targets())
    assert output.shape == (4, 6, 5) and torch.equal(output, head(states, batch))
    assert head.decode_spans(output, batch.without_targets()) == head.decode_spans(output, batch)


@each_tagger
def test_full_precision_under_autocast(head_type: str) -> None:
    """Tag scores and losses of half-precision states are not rounded again."""
    head = head_of(head_type).eval()
    batch, states = example()
    states = states.bfloat16()
    expected = head(states.float(), batch)
    with torch.autocast("cpu", torch.bfloat16):
        output = head(states, batch)
        loss_B, spans = head.loss(output, batch), head.decode_spans(output, batch)
    assert torch.equal(output, expected)
    assert torch.equal(loss_B, head.loss(expected, batch)) and spans == head.decode_spans(
        expected, batch
    )


def test_dropout_works_in_training_only() -> None:
    head = head_of("softmax", dropout=0.5)
    batch, states = example()
    trained = head(torch.ones_like(states), batch)
    assert not torch.equal(trained[0, 0], trained[0, 1])
    head.eval()
    assert_close(head(states, batch), head.projection(states))


def test_types_and_settings() -> None:
    assert isinstance(head_of("crf", reads=["shared"], weight=0.5), CrfHead)
    assert isinstance(head_of("pytorch_crf"), PytorchCrfHead) and isinstance(
        head_of("softmax"), SoftmaxHead
    )
    assert isinstance(head_of("biaffine"), BiaffineHead)
    assert isinstance(head_of("global_pointer"), GlobalPointerHead)
    default = Head.from_params({}, label_space=VOCAB.label_space("weibo"), input_dim=WIDTH)
    assert isinstance(default, CrfHead) and default.weight == 1.0
    with pytest.raises(ConfigurationError, match="weight: expected 0 or more, found -1"):
        head_of("crf", weight=-1)
    with pytest.raises(ConfigurationError, match="normalize_by: found 'chars'"):
        head_of("crf", normalize_by="chars")
