"""Loss weights that equalise the norms of the tasks' gradients.

Shape suffixes: H heads.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import check_adds_up
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.gradient_hooks import measuring
from ner_adv_plugin.modules.layer_names import in_last_layer
from ner_adv_plugin.modules.loss_weighting.loss_weighting import LossWeighting
from ner_adv_plugin.modules.statistics import Statistics

# A weight of 0 or below would not train its task.
SMALLEST = 1e-3
# Adam: decay of the two running averages, and the constant that avoids a division by 0.
BETAS, EPSILON = (0.9, 0.999), 1e-8


@LossWeighting.register("gradnorm")
class GradNorm(LossWeighting):
    """Weight the task losses so that their gradients have comparable norms (Chen et al. 2018).

    G_i = |grad_W w_i L_i| is the norm of the weighted loss of head i with respect to W, the
    parameters of a shared layer. The target of G_i is mean(G) r_i^alpha with the relative inverse
    training rate r_i = (L_i / L_i(0)) / mean_j(L_j / L_j(0)). After each step the weights w go one
    step of Adam along the gradient of sum_i |G_i - mean(G) r_i^alpha|, in which the target is a
    constant, and are scaled to a sum of the number of heads ("GradNorm: gradient normalization for
    adaptive loss balancing in deep multitask networks", eq. 1 and 2, algorithm 1). L_i(0) is the
    loss in the first step with sentences of the head. A head without sentences in a step keeps its
    last norm and loss; the weights change only once all heads have some, so that a stage which
    trains the heads of some tasks only, from the start, leaves them equal.

    The loss of a head is multiplied by w_i and by its `weight`. A batch takes one backward pass to
    W for each head, in addition to the plain step's. It needs one process, and does not support
    "fp16". Reports `<head>_loss_weight` and `<head>_gradient_norm`, that of the loss without
    weights.

    Registered as "gradnorm".

    # Parameters

    heads : supplied; names of the heads.
    alpha : how strongly a task that learns slowly is favoured, 0 or more; 0 makes all norms equal.
    lr : learning rate of the weights, above 0.
    layer : regular expression, searched for in the names of parameters, that selects W. By default
        the last tower that all heads read, or else the last layer of the encoder.

    # Raises

    ConfigurationError : a number is out of range, or no trainable parameter matches `layer`.

    # Example

    ```jsonnet
    { type: 'gradnorm', alpha: 1.5, lr: 0.025 }
    ```
    """

    adds_up = False
    # Weights, unweighted norms, losses and initial losses; 0 if unknown. Running averages of Adam.
    # Part of the weights' file, and so of checkpoints.
    weights_H: Tensor
    norms_H: Tensor
    losses_H: Tensor
    initial_H: Tensor
    first_moment_H: Tensor
    second_moment_H: Tensor
    updates: Tensor

    def __init__(
        self,
        heads: Sequence[str],
        alpha: float = 1.5,
        lr: float = 0.025,
        layer: str | None = None,
    ) -> None:
        super().__init__(heads)
        _check_settings({"alpha": alpha, "lr": lr, "layer": layer})
        self.alpha = alpha
        self.lr = lr
        self.layer = layer
        self._index = {head: index for index, head in enumerate(heads)}

        self.register_buffer("weights_H", torch.ones(len(heads)))
        for name in ("norms_H", "losses_H", "initial_H", "first_moment_H", "second_moment_H"):
            self.register_buffer(name, torch.zeros(len(heads)))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))

        # A tuple, as the parameters belong to other modules.
        self._layer_parameters: tuple[torch.nn.Parameter, ...] = ()
        # Gradient, loss and share of each head in the current step.
        self._step: dict[str, tuple[Tensor, Tensor, float]] = {}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the numbers are in range; one process, and not "fp16"."""
        super().check(settings, context)
        _check_settings(settings)
        if context.run is None:
            return

        check_adds_up(cls, context.run.processes)
        if context.run.precision == "fp16":
            raise ConfigurationError(
                '"fp16" scales losses, which loss weighting "gradnorm" does not support: use "bf16"'
            )

    def attach(
        self, parameters: Mapping[str, torch.nn.Parameter], reads: Mapping[str, Sequence[str]]
    ) -> None:
        """See `LossWeighting.attach`: select W."""
        if self.layer is not None:
            names = [name for name in parameters if re.search(self.layer, name)]
        else:
            names = _last_shared(list(parameters), reads)
        if not names:
            raise ConfigurationError(
                "the encoder has no parameters: expected an expression for those of a shared layer"
                if self.layer is None
                else f'"{self.layer}" matches no parameter, such as "{next(iter(parameters))}"',
                "model.loss_weighting.layer",
                absolute=True,
            )
        self._layer_parameters = tuple(parameters[name] for name in names)

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """See `LossWeighting.forward`: w * weight * loss."""
        if self.is_trained(loss):
            self._measure(head, loss, share)
        return self.weights_H[self._index[head]].clone() * weight * loss

    def _measure(self, head: str, loss: Tensor, share: float) -> None:
        """Add the gradient of a loss with respect to W to that of the step."""
        layer = [own for own in self._layer_parameters if own.requires_grad]
        if not layer:
            raise ConfigurationError(
                "all of its parameters are frozen by trainer.no_grad",
                "model.loss_weighting.layer",
                absolute=True,
            )

        with measuring():
            gradients = torch.autograd.grad(
                loss, layer, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        gradient = torch.cat([own.flatten().float() for own in gradients])
        value = loss.detach().float()
        if head in self._step:
            before = self._step[head]
            gradient, value, share = before[0] + gradient, before[1] + value, before[2] + share
        self._step[head] = (gradient, value, share)

    def report(self) -> Statistics:
        """See `LossWeighting.report`."""
        statistics: Statistics = {}
        for head, i in self._index.items():
            statistics[f"{head}_loss_weight"] = (self.weights_H[i].clone(), 1)
            statistics[f"{head}_gradient_norm"] = (self.norms_H[i].clone(), 1)
        return statistics

    def end_step(self) -> None:
        """See `LossWeighting.end_step`: update the weights by the gradients of the step."""
        for head, (gradient, loss, share) in self._step.items():
            i = self._index[head]
            self.norms_H[i] = gradient.norm() / share
            self.losses_H[i] = loss / share
            self.initial_H[i] = torch.where(
                self.initial_H[i] > 0, self.initial_H[i], self.losses_H[i]
            )
        self._step = {}
        # One transfer from the device for both.
        begun, updates = torch.stack([(self.initial_H > 0).all().long(), self.updates]).tolist()
        if begun:
            self._update(updates + 1)

    def _update(self, number: int) -> None:
        """Move the weights by one step of Adam, and scale them to a sum of the number of heads.

        # Parameters

        number : number of the update, from 1.
        """
        norms_H = self.weights_H * self.norms_H
        rate_H = self.losses_H / self.initial_H
        rate_H = (rate_H / rate_H.mean().clamp(min=EPSILON)).clamp(min=0.0)
        gradient_H = torch.sign(norms_H - norms_H.mean() * rate_H**self.alpha) * self.norms_H

        self.updates += 1
        self.first_moment_H.lerp_(gradient_H, 1 - BETAS[0])
        self.second_moment_H.lerp_(gradient_H.square(), 1 - BETAS[1])
        first_H, second_H = (
            moment_H / (1 - beta**number)
            for moment_H, beta in zip(
                (self.first_moment_H, self.second_moment_H), BETAS, strict=True
            )
        )
        self.weights_H -= self.lr * first_H / (second_H.sqrt() + EPSILON)
        self.weights_H.clamp_(min=SMALLEST)
        self.weights_H *= len(self._index) / self.weights_H.sum()


def _last_shared(names: Sequence[str], reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the parameters of the last tower that all heads read, or of the encoder's last layer.

    # Parameters

    names : names of all parameters.
    reads : for each head the towers that it reads.
    """
    towers = dict.fromkeys(tower for own in reads.values() for tower in own)
    common = [tower for tower in towers if all(tower in own for own in reads.values())]
    if common and len(reads) > 1:
        in_tower = [name for name in names if name.startswith(f"towers.{common[-1]}.")]
        if in_tower:
            return in_tower
    return in_last_layer([name for name in names if name.startswith("encoder.")])


def _check_settings(settings: Mapping[str, Any]) -> None:
    at_least(0, settings["alpha"], "alpha")
    above(0, settings["lr"], "lr")
    if settings["layer"] is not None:
        try:
            re.compile(settings["layer"])
        except re.error as error:
            raise ConfigurationError(
                f'"{settings["layer"]}" is not a regular expression: {error}', "layer"
            ) from error
