"""Weight decay towards the weights with which training starts."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeAlias

import torch

from ner_adv_plugin.common.bounds import above
from ner_adv_plugin.common.checks import CheckContext, check_some
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.training.optimization.parameter_groups import check_patterns, matching


class StartingPointDecay(Registrable):
    r"""Weight decay towards the starting point (L2-SP) instead of towards 0.

    Registered as "l2_sp". Before each optimizer step, with the learning rate eta of its group,

        w <- w - eta alpha (w - w0),

    with w0 the weight with which training, or a stage of it, starts: the pretrained one, or that of
    a source. It is the gradient of alpha / 2 ||w - w0||^2 (Li, Grandvalet & Davoine 2018, eq. 2),
    apart from the adaptive rates, as AdamW does it with weight decay; with SGD without momentum it
    is the same as adding this penalty to the loss. Set the optimizer's `weight_decay` of these
    parameters to 0; that of new parameters is the paper's beta.

    # Parameters

    parameters : supplied; trainable parameters by name.
    alpha : strength of the decay, more than 0.
    regexes : parameters to which it applies, as regular expressions searched for in their names.

    # Raises

    ConfigurationError : if an expression matches no trainable parameter.

    # Example

    ```jsonnet
    { type: 'l2_sp', alpha: 0.1, regexes: ['^encoder\\.', '^towers\\.'] }
    ```

    # Examples

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> decay = StartingPointDecay([("weight", weight)], alpha=0.5, regexes=["weight"])
    >>> weight.data.fill_(3.0)
    tensor([3.])
    >>> decay.apply([{"params": [weight], "lr": 0.1}])
    >>> weight.item()
    2.9000...
    """

    default_implementation = "l2_sp"

    def __init__(
        self,
        parameters: Iterable[tuple[str, torch.nn.Parameter]],
        alpha: float,
        regexes: list[str] | None = None,
    ) -> None:
        self.alpha = above(0, alpha, "alpha")

        named = dict(parameters)
        patterns = self.default_values({})["regexes"] if regexes is None else regexes
        self._decayed: dict[str, torch.nn.Parameter] = {}
        for index, pattern in enumerate(patterns):
            names = matching(pattern, named, f"regexes.{index}")
            self._decayed.update({name: named[name] for name in names})
        self._start = {name: own.detach().clone() for name, own in self._decayed.items()}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: `alpha`, the patterns, and whether there is a learning rate."""
        above(0, settings["alpha"], "alpha")
        patterns = settings.get("regexes")
        check_some(patterns, "regular expression, or null for those of the encoder", "regexes")
        check_patterns(patterns or [], "regexes")
        trainer = {} if context.run is None else context.run.config["trainer"]
        optimizer = trainer.get("optimizer")
        if isinstance(optimizer, Mapping) and optimizer.get("lr", 0.0) is None:
            raise ConfigurationError("needs a learning rate, and the optimizer's is null")

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"regexes": [r"^encoder\."]}

    @torch.no_grad()
    def apply(self, groups: Iterable[Mapping[str, Any]]) -> None:
        """Move the weights towards their starting point.

        # Parameters

        groups : the parameter groups of the optimizer, for their learning rates.
        """
        rates = {id(own): float(group["lr"]) for group in groups for own in group["params"]}
        for name, parameter in self._decayed.items():
            # A share above 1 would overshoot the starting point.
            share = min(rates[id(parameter)] * self.alpha, 1.0)
            parameter.lerp_(self._start[name], share)

    def state_dict(self) -> dict[str, Any]:
        """Return the starting point by name."""
        return {"start": self._start}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        for name, start in self._start.items():
            start.copy_(state["start"][name])


StartingPointDecay.register("l2_sp")(StartingPointDecay)
LazyStartingPointDecay: TypeAlias = Annotated[Lazy[StartingPointDecay], Supplied("parameters")]
