"""R-Drop: against two passes with the same dropout masks, and its refusals."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.statistics import averages
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.foreseen import foreseen_memory
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.r_drop import RDropStep
from tests.data.global_batch import share_totals
from tests.models.building import HEAD, batch_for, build_model
from tests.modules.crf_divergence_test import enumerated
from tests.modules.examples import vocabulary
from tests.tiny import ROOT, tiny_config
from tests.training.steps.perturbed_test import gradients

VOCAB = vocabulary()
WEIGHT = 0.7
HEADS = {
    "weibo": {**HEAD, "weight": 0.6},
    "msra": {"type": "global_pointer", "dropout": 0.0},
    "msr": {"type": "softmax", "dropout": 0.0, "normalize_by": "sentences"},
}


class NoisyDropout(torch.nn.Module):
    """Noise on the states of a sentence that depends only on the sentence and the copy.

    Sentences of a batch of pairs are told apart by their position.
    """

    def __init__(self, copies: int) -> None:
        super().__init__()
        self.copies = copies
        self.copy = 0

    def forward(self, states_BLD: Tensor) -> Tensor:
        noisy = []
        for index, states_LD in enumerate(states_BLD):
            sentence, copy = divmod(index, self.copies)
            generator = torch.Generator().manual_seed(7 * sentence + copy + self.copy)
            factor_D = 0.5 + torch.rand(states_LD.shape[1], generator=generator)
            noisy.append(states_LD * factor_D)
        return torch.stack(noisy)


def model_with_noise(copies: int, head_noise: bool = True, **settings: Any) -> SharingModel:
    """Build a model with known noise before each head instead of dropout."""
    model = build_model("hard_sharing", VOCAB, heads=HEADS, **settings)
    for head in model.heads.values():
        head.dropout = NoisyDropout(copies)
    return model


def divergence_by_definition(
    head: Any, name: str, one: Tensor, other: Tensor, part: Batch
) -> Tensor:
    """(KL(P || P') + KL(P' || P)) / 2 of each sentence, with loops."""
    if name == "weibo":
        # The distributions over all tag paths; the last sentences are short enough to enumerate.
        return enumerated(head.crf, one, other, part.lengths)
    found = []
    for index, length in enumerate(part.lengths):
        total = torch.zeros(())
        cells = (
            [(i,) for i in range(length)]
            if name == "msr"
            else [
                (c, i, j)
                for c in range(one.shape[1])
                for i in range(length)
                for j in range(i, length)
            ]
        )
        for cell in cells:
            p, q = one[index][cell], other[index][cell]
            if name == "msr":
                p, q = p.softmax(-1), q.softmax(-1)
            else:
                p, q = (torch.stack([s.sigmoid(), 1 - s.sigmoid()]) for s in (p, q))
            total = total + (p * (p / q).log() + q * (q / p).log()).sum() / 2
        found.append(total)
    return torch.stack(found)


def by_two_passes(model: SharingModel, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss by eq. 3, with a pass of the heads for each copy; and divergences by head."""
    total, divergences = torch.zeros(()), {}
    states = model.encoder(batch)
    for name in HEADS:
        head: Any = model.heads[name]
        sentences = batch.sentences_of(name)
        part = batch.owned_by(f"heads.{name}").select(sentences)
        tower = model.towers[name](states[sentences, : max(part.lengths)], part.mask_BL)
        outputs = []
        for copy in (0, 1):
            head.dropout.copy = copy
            outputs.append(head(tower, part))
        losses = [head.loss(output, part) for output in outputs]
        divergence = divergence_by_definition(head, name, *outputs, part)
        divergences[name] = (divergence / part.lengths_B).mean().detach()
        loss = (losses[0] + losses[1]) / 2 + WEIGHT * divergence
        if name != "msr":
            loss = loss / part.lengths_B
        weighted = (loss * part.weights_B).sum() / len(sentences)
        total = total + HEADS[name].get("weight", 1.0) * weighted
    return total, divergences


def short_batch(model: SharingModel) -> Batch:
    """Sentences of up to 6 characters, whose tag paths can be enumerated."""
    batch = batch_for(VOCAB, targets_of=model.targets)
    batch.weights_B = torch.linspace(0.5, 1.5, len(batch))
    return share_totals([batch.select([i for i, n in enumerate(batch.lengths) if n <= 5])])[0]


def test_loss_and_gradients_equal_two_passes() -> None:
    model = model_with_noise(copies=2)
    batch = short_batch(model)
    found, loss, statistics = gradients(RDropStep(WEIGHT), model, [batch])

    reference = model_with_noise(copies=1)
    expected_loss, divergences = by_two_passes(reference, batch)
    expected_loss.backward()
    expected = {n: p.grad for n, p in reference.named_parameters() if p.grad is not None}
    assert float(loss) == pytest.approx(float(expected_loss.detach()), rel=1e-5)
    assert found.keys() == expected.keys()
    assert_close(found, expected, rtol=1e-4, atol=1e-6)
    means = averages(statistics)
    for name, divergence in divergences.items():
        assert divergence > 1e-4
        assert means[f"{name}_divergence"] == pytest.approx(float(divergence), rel=1e-4)


def test_biaffine_compares_the_options_of_each_pair_of_characters() -> None:
    model = build_model("hard_sharing", VOCAB, heads={"weibo": {"type": "biaffine"}})
    head, batch = model.heads["weibo"], batch_for(VOCAB)
    part = batch.select(batch.sentences_of("weibo")).in_pairs(1.0)
    states = torch.randn(*part.mask_BL.shape, 6, requires_grad=True)
    output = head(states, part)
    found = head.divergence(output, part)  # type: ignore[operator]
    found.sum().backward()
    assert states.grad is not None and states.grad.isfinite().all()
    for index, length in enumerate(part.lengths[::2]):
        total = 0.0
        for start in range(length):
            for last in range(start, length):
                p, q = output[2 * index : 2 * index + 2, start, last].softmax(-1).tolist()
                for a, b in zip(p, q, strict=True):
                    total += (a * math.log(a / b) + b * math.log(b / a)) / 2
        assert float(found[index].detach()) == pytest.approx(total, rel=1e-4)


def test_without_dropout_it_is_the_plain_step() -> None:
    model = build_model("adversarial", VOCAB, loss_weighting="uncertainty")
    batch = batch_for(VOCAB)
    expected, expected_loss, _ = gradients(PlainStep(), model, [batch])
    found, loss, statistics = gradients(RDropStep(), model, [batch])
    assert float(loss) == pytest.approx(float(expected_loss), rel=1e-5)
    assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert averages(statistics)["weibo_divergence"] == 0


def test_copies_have_dropout_masks_of_their_own() -> None:
    model = build_model("hard_sharing", VOCAB, head={**HEAD, "dropout": 0.5})
    _, _, statistics = gradients(RDropStep(), model, [batch_for(VOCAB)])
    assert averages(statistics)["weibo_divergence"] > 0


def test_micro_batches_equal_one_batch() -> None:
    model, whole = build_model("hard_sharing", VOCAB), batch_for(VOCAB)
    micro_batches = [whole.select(sentences) for sentences in ([0, 3, 4], [1, 2, 5, 6], [7, 8, 9])]
    one, one_loss, _ = gradients(RDropStep(), model, share_totals([whole]))
    several, several_loss, _ = gradients(RDropStep(), model, share_totals(micro_batches))
    assert_close(several, one, rtol=1e-4, atol=1e-6)
    assert float(several_loss) == pytest.approx(float(one_loss), rel=1e-5)


def test_pairs_of_a_batch() -> None:
    (batch,) = share_totals([batch_for(VOCAB)])
    pairs = batch.in_pairs(0.3)
    assert pairs.lengths == [length for length in batch.lengths for _ in range(2)]
    assert pairs.heads[::2] == pairs.heads[1::2] == batch.heads
    assert torch.equal(pairs.token_ids_BL[1::2], batch.token_ids_BL)
    assert pairs.totals == {head: 2 * count for head, count in batch.totals.items()}
    assert pairs.total == 2 * len(batch) and pairs.divergence_weight == 0.3
    assert len(batch.select([]).in_pairs(0.3)) == 0


def test_passes_of_copies_respect_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    forward = SharingModel.forward

    def watched(self: SharingModel, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        sizes.append((batch.token_ids_BL.numel(), len(batch)))
        return forward(self, batch, progress)

    monkeypatch.setattr(SharingModel, "forward", watched)
    config = tiny_config(
        trainer__step="r_drop",
        trainer__max_tokens_per_pass=200,
        trainer__num_epochs=1,
        evaluate_on_test=False,
    )
    metrics = train_model(config, tmp_path)
    assert all(tokens <= 200 or sentences == 2 for tokens, sentences in sizes)
    assert any(sentences > 2 for _, sentences in sizes)
    assert metrics["training_weibo_divergence"] > 0


def test_memory_foreseen_is_that_of_both_copies() -> None:
    def foreseen(**settings: Any) -> str:
        return foreseen_memory(checked_job(tiny_config(**settings)))

    assert "passes of 6400 tokens" in foreseen(data_loader__max_length=200, trainer__step="r_drop")
    limited = {"trainer__step": "r_drop", "data_loader__max_length": 50}
    assert "passes of 400 tokens" in foreseen(**limited, trainer__max_tokens_per_pass=400)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"trainer__step": {"type": "r_drop", "weight": 0}}, "trainer.step.weight"),
        ({"model__head": "pytorch_crf"}, "model.head.type"),
        ({"model__heads": {"msra": "pytorch_crf"}}, "model.heads.msra.type"),
    ],
)
def test_refused_before_data_is_read(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(tiny_config(**{"trainer__step": "r_drop", **settings}))
    assert error.value.path == path
    if "head" in path:
        assert 'heads that do: "biaffine", "crf", "global_pointer", "softmax"' in str(error.value)


def test_only_heads_that_a_stage_trains_need_a_divergence(tmp_path: Path) -> None:
    config = load_config(ROOT / "fixtures/configs/masked_lm_staged.jsonnet")
    config["stages"][1]["trainer"] = {"step": {"type": "r_drop"}}
    metrics = train_model(config, tmp_path)
    assert metrics["training_weibo_divergence"] > 0
    config["stages"][0]["trainer"]["step"] = {"type": "r_drop"}
    with pytest.raises(ConfigurationError, match='head "masked_lm" has no divergence') as error:
        checked_job(config)
    assert error.value.path == "model.heads.reviews.type"


def test_a_model_that_does_not_compare_copies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharingModel, "adds_divergence", False)
    with pytest.raises(ConfigurationError, match='^model.type: model "adversarial" does not'):
        checked_job(tiny_config(trainer__step="r_drop"))


class TestRDrop(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/r_drop.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
