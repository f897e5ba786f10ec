"""Gradual unfreezing: groups of parameters begin to train in later epochs."""

import logging
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeAlias

import torch

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.checks import CheckContext, check_some
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.training.optimization.parameter_groups import check_patterns, matching

logger = logging.getLogger(__name__)


class GradualUnfreezing(Registrable):
    r"""Train the parts of a pretrained model from the last to the first (Howard & Ruder 2018, 3.3).

    Registered as "gradual". In the first `epochs_per_group` epochs all parameters train but those
    of the groups. Then the first group trains as well, after as many epochs again the second one,
    and so on. A parameter belongs to the first group that matches its name. A frozen parameter has
    no gradient: neither it nor its state in the optimizer changes, and it is left out of the
    gradient's norm.

    # Parameters

    parameters : supplied; trainable parameters by name.
    groups : regular expressions, searched for in names of parameters, of each group, the one that
        begins first in front.
    epochs_per_group : epochs until the next group begins.

    # Raises

    ConfigurationError : if an expression matches no trainable parameter, or if nothing remains to
        train at the start.

    # Example

    ```jsonnet
    { type: 'gradual', groups: [['encoder\\.layer\\.1\\.'], ['^encoder\\.']] }
    ```

    # Examples

    >>> layers = torch.nn.Sequential(*(torch.nn.Linear(1, 1) for _ in range(3)))
    >>> schedule = GradualUnfreezing(layers.named_parameters(), [["^1"], ["^0"]])
    >>> [schedule.frozen(epoch) for epoch in (0, 1, 2)]
    [['0.weight', '0.bias', '1.weight', '1.bias'], ['0.weight', '0.bias'], []]
    """

    default_implementation = "gradual"

    def __init__(
        self,
        parameters: Iterable[tuple[str, torch.nn.Parameter]],
        groups: list[list[str]],
        epochs_per_group: int = 1,
    ) -> None:
        at_least(1, epochs_per_group, "epochs_per_group")
        self.epochs_per_group = epochs_per_group
        self._parameters = dict(parameters)
        self._group: dict[str, int] = {}
        for number, patterns in enumerate(groups):
            for index, pattern in enumerate(patterns):
                for name in matching(pattern, self._parameters, f"groups.{number}.{index}"):
                    self._group.setdefault(name, number)
        if len(self._group) == len(self._parameters):
            raise ConfigurationError("leaves no parameter to train in the first epoch", "groups")

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: numbers, whether there are groups, and their patterns.

        Groups that never train are named in a warning: a run may be made shorter for a trial.
        """
        at_least(1, settings["epochs_per_group"], "epochs_per_group")
        if not settings["groups"]:
            raise ConfigurationError("expected one group or more", "groups")
        with below("groups"):
            for number, patterns in enumerate(settings["groups"]):
                check_some(patterns, "regular expression", str(number))
                check_patterns(patterns, str(number))
        if context.run is not None:
            _warn_of_late_groups(settings, context.run.config["trainer"]["num_epochs"])

    def frozen(self, epoch: int) -> list[str]:
        """Return the parameters that do not train in an epoch.

        # Parameters

        epoch : index of the epoch, from 0.
        """
        begun = epoch // self.epochs_per_group
        return [name for name in self._parameters if self._group.get(name, -1) >= begun]

    def apply(self, epoch: int) -> None:
        """Remove the gradients of the parameters that do not train in an epoch.

        # Parameters

        epoch : index of the epoch, from 0.
        """
        for name in self.frozen(epoch):
            self._parameters[name].grad = None


GradualUnfreezing.register("gradual")(GradualUnfreezing)
LazyUnfreezing: TypeAlias = Annotated[Lazy[GradualUnfreezing], Supplied("parameters")]


def _warn_of_late_groups(settings: Mapping[str, Any], num_epochs: int) -> None:
    for number in range(len(settings["groups"])):
        first = (number + 1) * settings["epochs_per_group"] + 1
        if first > num_epochs:
            logger.warning(
                "trainer.unfreezing.groups.%d: these parameters never train, as they would begin to"
                " in epoch %d of %d",
                number,
                first,
                num_epochs,
            )
