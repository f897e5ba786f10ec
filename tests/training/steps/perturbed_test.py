"""Adversarial training of a linear model, and against an implementation with hooks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.encoders import CharacterEmbedding
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.testing import MultiTaskModelTestCase
from ner_adv_plugin.training.accelerator import Precision
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.attacks import (
    Attack,
    FastGradientMethod,
    ProjectedGradientDescent,
)
from ner_adv_plugin.training.steps.perturbed import PerturbedStep
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep
from tests.data.global_batch import share_totals
from tests.models.building import batch_for, build_model
from tests.modules.examples import vocabulary
from tests.tiny import tiny_config

Gradients = dict[str, Tensor]


class Linear(Model):
    """The loss of a sentence is the sum of w . embedding over its characters."""

    def __init__(self, adds: bool = True) -> None:
        super().__init__(vocabulary())
        self.encoder = CharacterEmbedding(self.vocab, embedding_dim=2)
        if not adds:
            self.encoder.added = lambda ids, size: None  # type: ignore[method-assign]
        self.w = torch.nn.Parameter(torch.tensor([3.0, 4.0]))

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        return {"loss": (self.encoder(batch) @ self.w * batch.mask_BL).sum()}


def gradients(
    step: TrainingStep,
    model: Model,
    batches: Sequence[Batch],
    precision: Precision = "fp32",
    progress: float = 0.5,
) -> tuple[Gradients, Tensor | float, dict[str, Any]]:
    """Return the gradients that a step computes, its loss and its statistics."""
    engine = Engine(model, precision, -1)
    engine.prepare(torch.optim.SGD(model.parameters(), 0.1))
    model.zero_grad()
    loss, statistics = step.run(engine, batches, progress)
    return (
        {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None},
        loss,
        statistics,
    )


def test_a_linear_model_by_hand() -> None:
    torch.manual_seed(0)
    model = Linear()
    batch = batch_for(model.vocab)
    vectors = model.encoder.embedding(batch.token_ids_BL)[batch.mask_BL].detach()
    # The gradient of a sentence of n characters is w at each of them, of norm 5 sqrt(n): a step of
    # norm epsilon along it increases the loss by epsilon 5 sqrt(n).
    rise = 0.5 * 5 * sum(n**0.5 for n in batch.lengths)
    found, loss, statistics = gradients(
        PerturbedStep(FastGradientMethod(0.5), weight=3.0), model, [batch]
    )
    clean = float((vectors @ model.w.detach()).sum())
    assert float(loss) == pytest.approx(4 * clean + 3 * rise, rel=1e-5)
    value, count = statistics["adversarial_loss"]
    assert float(value) / count == pytest.approx(clean + rise, rel=1e-5)
    # In the second pass the perturbation, sqrt(n) epsilon w / 5 per sentence, is a constant.
    moved = sum(n**0.5 for n in batch.lengths) * 0.5 * model.w.detach() / 5
    assert_close(found["w"], 4 * vectors.sum(0) + 3 * moved)
    # For a linear loss several steps end where one does.
    assert_close(
        gradients(PerturbedStep(ProjectedGradientDescent(0.5), 3.0), model, [batch])[0], found
    )


def test_relative_to_embeddings_of_another_scale() -> None:
    """A table of embeddings ten times as large is perturbed ten times as far."""
    rises = []
    for factor in (1.0, 10.0):
        torch.manual_seed(0)
        model = Linear()
        batch = batch_for(model.vocab)
        with torch.no_grad():
            model.encoder.embedding.weight.mul_(factor)
        step = PerturbedStep(FastGradientMethod(0.2, relative=True))
        _, loss, _ = gradients(step, model, [batch])
        clean = float(model(batch)["loss"].detach())
        rises.append(float(loss) - 2 * clean)
    assert rises[1] == pytest.approx(10 * rises[0], rel=1e-4) and rises[0] > 0


def test_an_encoder_that_measures_nothing() -> None:
    model = Linear()
    model.encoder.measure = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(
        ConfigurationError, match="trainer.step.attack.relative: CharacterEmbedding"
    ):
        step = PerturbedStep(FastGradientMethod(0.2, relative=True))
        gradients(step, model, [batch_for(model.vocab)])


def by_hooks(model: Any, batch: Batch, attack: Attack, weight: float) -> Gradients:
    """Compute the same with a hook on the output of the embedding, sentence by sentence."""
    delta = torch.zeros(*batch.token_ids_BL.shape, model.encoder.embedding.embedding_dim)
    hook = model.encoder.embedding.register_forward_hook(
        lambda module, arguments, output: output + delta
    )
    clean = model(batch, 0.5)["loss"]
    vectors = model.encoder.embedding.weight[batch.token_ids_BL]
    for _ in range(attack.steps):
        delta = delta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(batch, 0.5)["loss"], delta)
        moved = delta.detach().clone()
        for sentence in range(len(batch)):
            own = gradient[sentence]
            if not own.any():
                continue
            unit = 1.0
            if attack.relative:
                squares = vectors[sentence, : batch.lengths[sentence]].square()
                squares = squares if attack.norm == "linf" else squares.sum(-1)
                unit = float(squares.mean().sqrt())
            epsilon, step_size = attack.epsilon * unit, attack.step_size * unit
            if attack.norm == "linf":
                moved[sentence] = (moved[sentence] + step_size * own.sign()).clamp(
                    -epsilon, epsilon
                )
            else:
                moved[sentence] += step_size * own / own.norm()
                moved[sentence] *= min(1.0, epsilon / float(moved[sentence].norm()))
        delta = moved
    model.zero_grad()
    (clean + weight * model(batch, 0.5)["loss"]).backward()
    hook.remove()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


# The head of msr is a CRF, the default.
HEADS = {
    "weibo": {"type": "global_pointer", "dropout": 0.0},
    "msra": {"type": "biaffine", "dropout": 0.0},
}
ATTACKS: dict[str, Callable[[], Attack]] = {
    "fgm": lambda: FastGradientMethod(0.3),
    "fgm_linf": lambda: FastGradientMethod(0.05, "linf"),
    "pgd": lambda: ProjectedGradientDescent(0.3, steps=3, step_size=0.2),
    "pgd_linf": lambda: ProjectedGradientDescent(0.05, "linf", steps=2),
    "fgm_relative": lambda: FastGradientMethod(0.2, relative=True),
    "fgm_linf_relative": lambda: FastGradientMethod(0.1, "linf", relative=True),
    "pgd_relative": lambda: ProjectedGradientDescent(0.2, steps=3, step_size=0.15, relative=True),
    "pgd_linf_relative": lambda: ProjectedGradientDescent(0.1, "linf", steps=2, relative=True),
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("model_type", ["hard_sharing", "adversarial"])
def test_gradients_equal_those_of_hooks(model_type: str, name: str) -> None:
    vocab = vocabulary()
    model = build_model(model_type, vocab, heads=HEADS)
    batch, attack = batch_for(vocab, targets_of=model.targets), ATTACKS[name]()
    expected = by_hooks(model, batch, attack, 0.7)
    found, _, statistics = gradients(PerturbedStep(attack, 0.7), model, [batch])
    assert found.keys() == expected.keys()
    assert_close(found, expected, rtol=1e-4, atol=1e-6)
    plain, _, reported = gradients(PlainStep(), model, [batch])
    assert max(float((found[n] - 1.7 * plain[n]).abs().max()) for n in plain) > 1e-3
    for key, (value, count) in reported.items():
        assert (float(statistics[key][0]), statistics[key][1]) == (float(value), count)


def test_micro_batches_equal_one_batch() -> None:
    """The perturbation of a sentence does not depend on the other sentences of its batch."""
    vocab = vocabulary()
    model, whole = build_model("hard_sharing", vocab), batch_for(vocab)
    micro_batches = [whole.select(sentences) for sentences in ([0, 3, 4], [1, 2, 5, 6], [7, 8, 9])]
    step = PerturbedStep(ProjectedGradientDescent(0.3, steps=2))
    one, one_loss, _ = gradients(step, model, share_totals([whole]))
    several, several_loss, _ = gradients(step, model, share_totals(micro_batches))
    assert_close(several, one, rtol=1e-4, atol=1e-6)
    assert float(several_loss) == pytest.approx(float(one_loss), rel=1e-5)


def test_a_small_perturbation_raises_the_loss_by_the_norm_of_its_gradient() -> None:
    """l(x + epsilon g / ||g||) - l(x) is epsilon times the sum of ||g||, by finite differences."""
    vocab = vocabulary()
    model = build_model("hard_sharing", vocab)
    (batch,) = share_totals([batch_for(vocab).select([5, 7, 9])])
    epsilon = 1e-2
    _, _, statistics = gradients(PerturbedStep(FastGradientMethod(epsilon)), model, [batch])
    value, count = statistics["adversarial_loss"]
    rise = float(value) / count - float(model(batch)["loss"].detach())
    table, steepness = model.encoder.embedding, 0.0
    size = 1e-2
    for sentence in range(len(batch)):
        slopes = []
        for position in range(batch.lengths[sentence]):
            for axis in range(table.embedding_dim):
                sides = []
                for side in (size, -size):

                    def nudge(
                        module: Any, arguments: Any, output: Tensor, side: float = side
                    ) -> Tensor:
                        output = output.clone()
                        output[sentence, position, axis] += side  # noqa: B023
                        return output

                    hook = table.register_forward_hook(nudge)
                    with torch.no_grad():
                        sides.append(float(model(batch)["loss"]))
                    hook.remove()
                slopes.append((sides[0] - sides[1]) / (2 * size))
        steepness += sum(slope**2 for slope in slopes) ** 0.5
    assert rise == pytest.approx(epsilon * steepness, rel=0.05)


@pytest.mark.parametrize(("name", "calls"), [("fgm", 2), ("pgd", 4), ("pgd_linf", 3)])
def test_number_of_encoder_calls(name: str, calls: int) -> None:
    vocab = vocabulary()
    model, batch = build_model("hard_sharing", vocab), batch_for(vocab)
    counted: list[int] = []
    model.encoder.register_forward_hook(lambda *_: counted.append(1))
    gradients(PerturbedStep(ATTACKS[name]()), model, share_totals([batch, batch]))
    assert len(counted) == 2 * calls
    assert model.encoder.perturbation is None


@pytest.mark.parametrize("weighting", ["dwa", "gradnorm"])
def test_passes_of_the_attack_change_no_loss_weights(weighting: str) -> None:
    """Only the clean and the last pass are minimised."""
    vocab = vocabulary()
    model = build_model("hard_sharing", vocab, heads=HEADS, loss_weighting=weighting)
    seen: list[dict[str, float]] = []
    model.register_forward_hook(
        lambda module, inputs, output: seen.append(
            {name: float(loss.detach()) for name, loss in output["losses"].items()}
        )
    )
    (batch,) = share_totals([batch_for(vocab, targets_of=model.targets)])
    gradients(PerturbedStep(ATTACKS["pgd"]()), model, [batch])
    assert len(seen) == 4
    for head, measured in model.loss_weighting._step.items():
        loss, share = measured[-2:]
        own = [losses[f"heads.{head}"] for losses in seen]
        assert share == pytest.approx(2.0)
        assert float(loss) == pytest.approx(own[0] + own[-1], rel=1e-5)


def test_mixed_precision() -> None:
    vocab = vocabulary()
    model, batch = build_model("hard_sharing", vocab), batch_for(vocab)
    step = PerturbedStep(FastGradientMethod(0.3))
    exact, low = (gradients(step, model, [batch], precision)[0] for precision in ("fp32", "bf16"))
    for name, gradient in exact.items():
        assert low[name].dtype == torch.float32
        assert torch.cosine_similarity(low[name].flatten(), gradient.flatten(), 0) > 0.98, name


def test_losses_scaled_for_fp16() -> None:
    vocab = vocabulary()
    model, batch = build_model("hard_sharing", vocab), batch_for(vocab)
    step = PerturbedStep(ATTACKS["pgd"]())
    expected = gradients(step, model, [batch])[0]
    engine = Engine(model, "fp32", -1)
    engine.accelerator = Accelerator(cpu=True)
    engine.prepare(torch.optim.SGD(model.parameters(), 0.1))
    engine.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    model.zero_grad()
    step.run(engine, [batch], 0.5)
    scaled = {name: p.grad / 1024 for name, p in model.named_parameters() if p.grad is not None}
    assert_close(scaled, expected, rtol=1e-4, atol=1e-6)


def test_sentences_without_a_task_have_no_loss() -> None:
    vocab = vocabulary()
    model, batch = build_model("hard_sharing", vocab), batch_for(vocab)
    unlabelled = batch.select([i for i, head in enumerate(batch.heads) if head is None])
    found, loss, _ = gradients(PerturbedStep(), model, share_totals([unlabelled]))
    assert (found, loss) == ({}, 0.0)


def test_an_encoder_without_perturbation_is_rejected() -> None:
    model = Linear(adds=False)
    with pytest.raises(
        ConfigurationError, match="CharacterEmbedding does not support perturbed"
    ) as error:
        gradients(PerturbedStep(), model, [batch_for(model.vocab)])
    assert error.value.path == "model.encoder.type"
    del model.encoder
    with pytest.raises(ConfigurationError, match="^model.type: Linear has no `encoder`"):
        gradients(PerturbedStep(), model, [batch_for(model.vocab)])


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"type": "perturbed", "aggregator": "pcgrad"}, "trainer.step.aggregator"),
        ({"type": "perturbed", "weight": 0}, "trainer.step.weight"),
        ({"type": "perturbed", "attack": {"type": "pgd", "steps": 0}}, "trainer.step.attack.steps"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(tiny_config(trainer__step=settings))
    assert error.value.path == path


class TestPerturbed(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/perturbed.jsonnet")
        self.ensure_model_can_train_save_and_load()
