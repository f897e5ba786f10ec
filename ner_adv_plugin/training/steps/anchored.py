"""Training step that protects a target from the gradients of auxiliary losses that conflict."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.checks import check_some
from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.steps.loss_gradients import add_gradients, loss_gradients
from ner_adv_plugin.training.steps.step import TrainingStep

Rule = Literal["weighted", "dropped", "projected"]
# The group of losses that are neither the target's nor auxiliary.
OTHERS = "others"


@TrainingStep.register("anchored")
class AnchoredStep(TrainingStep):
    """Change the gradients of auxiliary losses where they conflict with that of the target.

    Registered as "anchored". g is the gradient of the target's loss and a that of an auxiliary
    loss, both with respect to the parameters on which both losses depend, summed over
    micro-batches; cos = <a, g> / (|a| |g|). These parameters get g plus, for each auxiliary loss,

    - "weighted": max(0, cos) a (Du et al. 2018, "Adapting auxiliary losses using gradient
      similarity", section 3, the weighted version),
    - "dropped": a if cos >= 0, otherwise nothing (the same, the unweighted version),
    - "projected": a if cos >= 0, otherwise a - <a, g> / |g|^2 g, its part that does not change the
      target's loss (Yu et al. 2020, "Gradient surgery", algorithm 1, with the target as the only
      gradient that others are projected against; Chaudhry et al. 2019, eq. 11).

    All other parameters get the gradient of the plain step. A batch takes one backward pass for the
    target, one for each auxiliary loss, and one for the remaining losses together. The step needs
    the whole batch on one process and does not support "fp16".

    In a step without sentences of the target, g is that of the last step that had some; until there
    is one, the step is plain. g is saved in checkpoints. Reports `<loss>_target_cosine`, and
    `<loss>_conflicts`, the share of steps with cos < 0.

    # Parameters

    target : name of the target's head.
    rule : "weighted", "dropped" or "projected".
    auxiliaries : the losses that are changed, `heads.<head>` or `objectives.<index>`; null for all
        but the target's.
    smoothing : weight of the past in a running average of g over the steps, 0 (the last step only)
        to below 1. The cosine of the gradients of single batches is mostly noise.

    # Raises

    ConfigurationError : `smoothing` is out of range, or the target shares no trainable parameters
        with one of `auxiliaries`, or with any other loss if there are none.

    # Example

    ```jsonnet
    { type: 'anchored', target: 'weibo', rule: 'projected', smoothing: 0.9 }
    ```
    """

    adds_up = False
    scales = False

    def __init__(
        self,
        target: str,
        rule: Rule = "weighted",
        auxiliaries: list[str] | None = None,
        smoothing: float = 0.0,
    ) -> None:
        _check_smoothing(smoothing)
        self.target = f"heads.{target}"
        self.rule = rule
        self.auxiliaries = auxiliaries
        self.smoothing = smoothing
        # g by name of the parameter.
        self.anchor: dict[str, Tensor] = {}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the target and the auxiliary losses exist."""
        super().check(settings, context)
        _check_smoothing(settings["smoothing"])
        expected = "auxiliary loss, or null for all but the target's"
        check_some(settings["auxiliaries"], expected, "auxiliaries")
        if context.run is None:
            return

        heads, target = context.run.trained_heads, settings["target"]
        _check_name("head", target, heads, "target")
        known = [f"heads.{head}" for head in heads if head != target]
        known += [f"objectives.{i}" for i in range(_objectives(context.run.config["model"]))]
        if not known:
            raise ConfigurationError(
                f'heads.{target} is the only loss, without an auxiliary one: use step "plain"',
                "target",
            )
        for index, name in enumerate(settings["auxiliaries"] or []):
            _check_name("auxiliary loss", name, known, f"auxiliaries.{index}")

    def attach(self, model: Model) -> None:
        """See `TrainingStep.attach`: auxiliary losses share trainable parameters with the target.

        # Raises

        ConfigurationError : one of `auxiliaries`, or without them every other loss, does not.
        """
        by_loss = model.trainable_by_loss()
        own = by_loss.pop(self.target, set())
        apart = [loss for loss, names in by_loss.items() if not names & own]
        expected = (
            f"no trainable parameter in common with {self.target}, so that its gradient is never"
            " changed: expected a shared tower, or an encoder that is not frozen"
        )
        for index, loss in enumerate(self.auxiliaries or ()):
            if loss in apart:
                raise ConfigurationError(f"{loss} has {expected}", f"auxiliaries.{index}")
        if by_loss and len(apart) == len(by_loss):
            raise ConfigurationError(f"the auxiliary losses have {expected}", "auxiliaries")

    def run(
        self, engine: Engine, batches: Sequence[Batch], progress: float
    ) -> tuple[Tensor | float, Statistics]:
        """See `TrainingStep.run`."""
        parameters = {
            name: parameter
            for name, parameter in engine.model.named_parameters()
            if parameter.requires_grad
        }
        gradients, loss, statistics = loss_gradients(
            engine, batches, progress, [*parameters.values()], self._group_of
        )

        by_name = {
            group: {
                name: gradient
                for name, gradient in zip(parameters, own, strict=True)
                if gradient is not None
            }
            for group, own in gradients.items()
        }
        self._update_anchor(by_name.get(self.target, {}))
        for group, own in by_name.items():
            if group not in (self.target, OTHERS) and self.anchor:
                statistics.update(self._protect(group, own))
            for name, gradient in own.items():
                parameters[name].grad = add_gradients(parameters[name].grad, gradient)
        return loss, statistics

    def _group_of(self, loss: str) -> str:
        is_auxiliary = self.auxiliaries is None or loss in self.auxiliaries
        return loss if loss == self.target or is_auxiliary else OTHERS

    def _update_anchor(self, gradients: Mapping[str, Tensor]) -> None:
        """Add the gradients of the target's loss to g; none in a step without the target."""
        for name, gradient in gradients.items():
            before = self.anchor.get(name)
            if before is not None and self.smoothing:
                before = before.to(gradient.device)
                self.anchor[name] = self.smoothing * before + (1 - self.smoothing) * gradient
            else:
                # The gradient itself is clipped in place.
                self.anchor[name] = gradient.clone()

    def _protect(self, loss: str, gradients: dict[str, Tensor]) -> Statistics:
        """Change the gradient of an auxiliary loss by the rule, in place of the original one.

        # Parameters

        loss : name of the loss.
        gradients : its gradient by name of the parameter.

        # Returns

        Statistics to report; none if it shares no parameters with the target.
        """
        shared = [name for name in gradients if name in self.anchor]
        if not shared:
            return {}

        anchor = {name: self.anchor[name].to(gradients[name].device) for name in shared}
        dot = torch.stack([(gradients[name] * anchor[name]).sum() for name in shared]).sum()
        own = torch.stack([gradients[name].square().sum() for name in shared]).sum()
        square = torch.stack([anchor[name].square().sum() for name in shared]).sum()
        tiny = torch.finfo(dot.dtype).tiny
        cosine = dot / (own.sqrt() * square.sqrt()).clamp(min=tiny)

        for name in shared:
            if self.rule == "projected":
                share = dot.clamp(max=0.0) / square.clamp(min=tiny)
                gradients[name] = gradients[name] - share * anchor[name]
            else:
                factor = cosine.clamp(min=0.0) if self.rule == "weighted" else (dot >= 0).to(dot)
                gradients[name] = factor * gradients[name]

        prefix = loss.removeprefix("heads.").replace("objectives.", "objective_")
        return {
            f"{prefix}_target_cosine": (cosine, 1),
            f"{prefix}_conflicts": ((dot < 0).to(dot), 1),
        }

    def state_dict(self) -> dict[str, Any]:
        """See `TrainingStep.state_dict`: g, as large as the parameters that the target reads."""
        return {"anchor": self.anchor}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """See `TrainingStep.load_state_dict`."""
        self.anchor = dict(state_dict["anchor"])


def _check_name(noun: str, name: str, known: Collection[str], path: str) -> None:
    if name not in known:
        raise ConfigurationError(
            f'no {noun} "{name}".{nearest(name, known)} Expected one of: {", ".join(known)}.', path
        )


def _objectives(model: Mapping[str, Any]) -> int:
    """Return the number of objectives of a model, given its config."""
    configured = model.get("objectives")
    if configured is None:
        configured = getattr(class_of(Model, model), "default_objectives", None)
    return len(configured or ())


def _check_smoothing(smoothing: float) -> None:
    if not 0 <= smoothing < 1:
        raise ConfigurationError(f"expected 0 to below 1, found {smoothing}", "smoothing")
