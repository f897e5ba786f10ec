"""Training step with regularized dropout."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ner_adv_plugin.common.bounds import above
from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.modules.heads.head import heads_that
from ner_adv_plugin.modules.heads.head_settings import head_settings
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep


@TrainingStep.register("r_drop")
class RDropStep(TrainingStep):
    """R-Drop: predictions for a sentence shall agree under different dropout masks.

    Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks", section 2.1. A pass runs
    over two copies of each sentence, with dropout masks of their own, and minimises
    (l_1 + l_2) / 2 + weight * (KL(P_1 || P_2) + KL(P_2 || P_1)) / 2, with the loss l of a head and
    its predicted distribution P, as the authors' code does; the paper adds up l_1 + l_2, so that
    its weight counts half. The divergence is a part of the loss of the sentence: it has the weight
    of the head and of the instance, and is normalised by `normalize_by`.

    P is what the head predicts: of "crf" the distribution over whole tag paths, whose divergence is
    exact and needs only marginals (the softmax of the emissions would ignore the transitions); of
    "softmax" those of the tags of characters; of "biaffine" and "global_pointer" those of the
    options of each pair of characters. Sentences without labels have no divergence.

    Registered as "r_drop". A batch takes twice the time and memory of the plain step, which counts
    for `trainer.max_tokens_per_pass`. Without dropout the step is the plain one, but for "mmd"
    and "coral", which see every sentence twice. The metric
    `<task>_divergence` is in nats per character, as `<task>_loss`, which does not contain it.

    # Parameters

    weight : weight of the divergence, above 0.

    # Raises

    ConfigurationError : a head or the model does not support it.

    # Example

    ```jsonnet
    { type: 'r_drop', weight: 0.5 }
    ```
    """

    copies = 2

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the weight is above 0, model and heads support the step."""
        super().check(settings, context)
        above(0, settings["weight"], "weight")
        if context.run is None:
            return

        model = context.run.config["model"]
        if not getattr(class_of(Model, model), "adds_divergence", False):
            raise ConfigurationError(
                f'model "{model["type"]}" does not compare the predictions for copies of a'
                ' sentence, which step "r_drop" needs',
                "model.type",
                absolute=True,
            )
        for name in context.run.trained_heads:
            _check_head(model, name)

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """See `TrainingStep.run`."""
        return PlainStep().run(engine, [own.in_pairs(self.weight) for own in batches], progress)


def _check_head(model: Mapping[str, Any], name: str) -> None:
    """Refuse a head without a divergence.

    # Parameters

    model : config of the model.
    name : name of the head.
    """
    head = head_settings(model, name)
    if not getattr(class_of(Head, head), "has_divergence", False):
        able = ", ".join(f'"{known}"' for known in heads_that("has_divergence"))
        raise ConfigurationError(
            f'head "{head["type"]}" has no divergence, which step "r_drop" needs; heads that do:'
            f" {able}",
            f"model.heads.{name}.type" if name in (model.get("heads") or {}) else "model.head.type",
            absolute=True,
        )
