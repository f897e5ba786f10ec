"""Adversarial training: the loss of a batch, and that of the batch with its embeddings perturbed."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.encoders import Encoder, Perturbation
from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.attacks import Attack, FastGradientMethod
from ner_adv_plugin.training.steps.step import TrainingStep, add_statistics


@TrainingStep.register("perturbed")
class PerturbedStep(TrainingStep):
    """Adversarial training on embeddings: l(x) + weight * l(x + delta), delta a constant that an attack finds
    (Miyato et al. 2017; Zhou et al. 2019).

    The attack follows the gradient of the whole loss, objectives included, as the encoder sees it: behind a gradient
    reversal it helps the discriminator. Every forward draws its own dropout. A batch costs `steps` + 1 forwards and
    backwards. Reports `adversarial_loss`; all else is that of the clean batch.
    Registered as "perturbed".

    # Parameters

    attack : finds the perturbation; "fgm" by default.
    weight : of the perturbed batch's loss.
    """

    def __init__(self, attack: Attack | None = None, weight: float = 1.0) -> None:
        self.attack = attack or FastGradientMethod()
        self.weight = weight

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the weight is above 0."""
        super().check(settings, context)
        if not settings["weight"] > 0:
            raise ConfigurationError(f"expected more than 0, found {settings['weight']}", "weight")

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
                    # Sentences that teach nothing count, as in the loss.
                    add_statistics(statistics, {"adversarial_loss": (0.0, len(batch))})
                    if "loss" not in output:
                        continue
                    engine.backward(output["loss"])
                    self._find(engine, batch, progress, perturbation)
                with engine.synchronised(number == len(batches)):
                    loss = engine.forward(batch, progress)["loss"]
                    engine.backward(self.weight * loss)
            add_statistics(statistics, {"adversarial_loss": (loss.detach() * batch.total, 0)})
            loss_sum = loss_sum + output["loss"].detach() + self.weight * loss.detach()
        return loss_sum, statistics

    def _find(
        self, engine: Engine, batch: Batch, progress: float, perturbation: Perturbation
    ) -> None:
        """Leave in `perturbation`, which holds the gradient of the clean pass, what the attack makes of it."""
        delta_BPE = perturbation.delta_BPE
        if delta_BPE is None:
            if len(batch):
                raise ConfigurationError(
                    f"{type(engine.model.encoder).__name__} adds no perturbation to its embeddings",
                    "model.encoder.type",
                    absolute=True,
                )
            return
        # Sentences that teach nothing have no gradient.
        gradient_BPE = torch.zeros_like(delta_BPE) if delta_BPE.grad is None else delta_BPE.grad
        for step in range(self.attack.steps):
            if step:
                perturbation.delta_BPE = delta_BPE.requires_grad_()
                gradient_BPE = engine.gradient(engine.forward(batch, progress)["loss"], delta_BPE)
            delta_BPE = self.attack.move(delta_BPE.detach(), gradient_BPE)
        perturbation.delta_BPE = delta_BPE


def _encoder(model: Model) -> Encoder:
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, Encoder):
        raise ConfigurationError(
            f"{type(model).__name__} has no `encoder` whose embeddings could be perturbed",
            "model.type",
            absolute=True,
        )
    return encoder
