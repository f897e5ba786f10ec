"""Adversarial training with perturbed embeddings.

Shape suffixes: B sentences, P positions, E size of an embedding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import above
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.encoders import Encoder, Perturbation
from ner_adv_plugin.modules.gradient_hooks import measuring
from ner_adv_plugin.modules.statistics import Statistics, add_statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.attacks import Attack, FastGradientMethod
from ner_adv_plugin.training.steps.step import TrainingStep


@TrainingStep.register("perturbed")
class PerturbedStep(TrainingStep):
    """Adversarial training on embeddings: minimise l(x) + weight * l(x + delta).

    Registered as "perturbed". The attack computes the perturbation delta, a constant for the
    gradient of the loss (Miyato et al. 2017; Zhou et al. 2019). It follows the gradient of the
    total loss, objectives included, as it reaches the encoder: after a gradient reversal it helps
    the discriminator. Each forward pass samples new dropout masks. A batch takes `steps` + 1
    forward and backward passes. The metric `adversarial_loss` is the loss of the perturbed batch;
    all other metrics are computed on the clean batch.

    # Parameters

    attack : attack that computes the perturbation; "fgm" by default.
    weight : weight of the loss of the perturbed batch.

    # Example

    ```jsonnet
    { type: 'perturbed', attack: { type: 'fgm', epsilon: 1.0 }, weight: 1.0 }
    ```
    """

    def __init__(self, attack: Attack | None = None, weight: float = 1.0) -> None:
        self.attack = attack or FastGradientMethod()
        self.weight = weight

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the weight is above 0."""
        super().check(settings, context)
        above(0, settings["weight"], "weight")

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"attack": "fgm"}

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """See `TrainingStep.run`."""
        encoder = _encoder(engine.model)
        statistics: Statistics = {}
        loss_sum: Tensor | float = 0.0
        for number, batch in enumerate(batches, 1):
            perturbation = Perturbation()
            with encoder.perturbed(perturbation):
                with engine.synchronised(False):
                    output = engine.forward(batch, progress)
                    add_statistics(statistics, output.get("statistics", {}))
                    # Sentences without a task count too, as in the loss.
                    add_statistics(statistics, {"adversarial_loss": (0.0, len(batch))})
                    if "loss" not in output:
                        continue
                    engine.backward(output["loss"])
                    self._attack(engine, batch, progress, perturbation)
                with engine.synchronised(number == len(batches)):
                    loss = engine.forward(batch, progress)["loss"]
                    engine.backward(self.weight * loss)
            add_statistics(statistics, {"adversarial_loss": (loss.detach() * batch.total, 0)})
            loss_sum = loss_sum + output["loss"].detach() + self.weight * loss.detach()
        return loss_sum, statistics

    def _attack(
        self, engine: Engine, batch: Batch, progress: float, perturbation: Perturbation
    ) -> None:
        """Run the attack from the gradient of the clean pass; write the result to `perturbation`.

        # Parameters

        engine, progress : see `TrainingStep.run`.
        batch : the micro-batch.
        perturbation : perturbation of the clean pass, whose `delta_BPE.grad` is set.
        """
        delta_BPE = perturbation.delta_BPE
        if delta_BPE is None:
            if len(batch):
                raise ConfigurationError(
                    f"{type(engine.model.encoder).__name__} does not support perturbed embeddings",
                    "model.encoder.type",
                    absolute=True,
                )
            return

        # The gradient is missing if no sentence belongs to a task.
        gradient_BPE = torch.zeros_like(delta_BPE) if delta_BPE.grad is None else delta_BPE.grad
        unit_B11 = self._unit(engine, perturbation, delta_BPE.shape[-1])
        for step in range(self.attack.steps):
            if step:
                perturbation.delta_BPE = delta_BPE.requires_grad_()
                with measuring():
                    loss = engine.forward(batch, progress)["loss"]
                    gradient_BPE = engine.gradient(loss, delta_BPE)
            delta_BPE = delta_BPE.detach()
            if unit_B11 is None:
                delta_BPE = self.attack.move(delta_BPE, gradient_BPE)
            else:
                delta_BPE = unit_B11 * self.attack.move(delta_BPE / unit_B11, gradient_BPE)

        perturbation.delta_BPE = delta_BPE

    def _unit(self, engine: Engine, perturbation: Perturbation, size: int) -> Tensor | None:
        """Return the unit of a relative attack's numbers, by sentence; None for 1."""
        if not self.attack.relative:
            return None
        if perturbation.norm_B11 is None:
            raise ConfigurationError(
                f"{type(engine.model.encoder).__name__} does not measure its embeddings (see"
                " `Encoder.measure`): expected false",
                "trainer.step.attack.relative",
                absolute=True,
            )
        norm_B11 = (
            perturbation.norm_B11
            if self.attack.norm == "l2"
            else (perturbation.norm_B11 / size**0.5)
        )
        # An empty sentence has no embeddings, nor a perturbation.
        return torch.where(norm_B11 > 0, norm_B11, 1.0)


def _encoder(model: Model) -> Encoder:
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, Encoder):
        raise ConfigurationError(
            f"{type(model).__name__} has no `encoder` with embeddings to perturb",
            "model.type",
            absolute=True,
        )
    return encoder
