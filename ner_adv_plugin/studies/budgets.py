"""Budgets: what is equal between the arms of a study."""

from abc import abstractmethod
from collections.abc import Mapping
from math import ceil
from typing import Any

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.studies.facts import ArmFacts


class Budget(Registrable):
    """Sets how long each arm trains, so that something is equal between arms."""

    default_implementation = "epochs"
    name: str

    @abstractmethod
    def lengths(self, facts: Mapping[str, ArmFacts], baseline: str) -> dict[str, dict[str, Any]]:
        """Return, for every arm, the overrides that give it its length.

        # Parameters

        facts : what is known of every arm.
        baseline : the arm whose config gives the length if the budget gives none.
        """


@Budget.register("epochs")
class EqualEpochs(Budget):
    """Equal epochs over the target: every arm sees each target sentence equally often.

    Registered as "epochs", the default.

    # Parameters

    epochs : passes over the target's training sentences; by default those of the baseline.

    # Example

    ```jsonnet
    { type: 'epochs', epochs: 12 }
    ```
    """

    name = "epochs"

    def __init__(self, epochs: int | None = None) -> None:
        self.epochs = at_least(1, epochs, "epochs")

    def lengths(self, facts: Mapping[str, ArmFacts], baseline: str) -> dict[str, dict[str, Any]]:
        """See `Budget.lengths`."""
        of_baseline = facts[baseline]
        passes = self.epochs or of_baseline.num_epochs * of_baseline.target_passes
        return {
            name: {"trainer.num_epochs": max(1, round(passes / one.target_passes))}
            for name, one in facts.items()
        }


@Budget.register("steps")
class EqualSteps(Budget):
    """Equal optimizer steps. Registered as "steps".

    # Parameters

    steps : optimizer steps of every arm; by default those of the baseline.

    # Example

    ```jsonnet
    { type: 'steps', steps: 600 }
    ```
    """

    name = "steps"

    def __init__(self, steps: int | None = None) -> None:
        self.steps = at_least(1, steps, "steps")

    def lengths(self, facts: Mapping[str, ArmFacts], baseline: str) -> dict[str, dict[str, Any]]:
        """See `Budget.lengths`."""
        of_baseline = facts[baseline]
        steps = self.steps or of_baseline.num_epochs * of_baseline.steps_per_epoch
        return {name: _steps(one, steps) for name, one in facts.items()}


@Budget.register("updates")
class EqualUpdates(Budget):
    """Equal updates of the target: optimizer steps whose batch has sentences of it.

    Where every batch has some, these are equal steps; where batches of the datasets take turns, an
    arm with two datasets gets twice the steps. Registered as "updates".

    # Parameters

    updates : updates of the target of every arm, counted in the first epoch; by default those of
        the baseline.

    # Example

    ```jsonnet
    { type: 'updates', updates: 600 }
    ```
    """

    name = "updates"

    def __init__(self, updates: int | None = None) -> None:
        self.updates = at_least(1, updates, "updates")

    def lengths(self, facts: Mapping[str, ArmFacts], baseline: str) -> dict[str, dict[str, Any]]:
        """See `Budget.lengths`.

        # Raises

        ConfigurationError : if the first epoch of an arm has no sentence of the target.
        """
        for name, one in facts.items():
            if not one.target_share:
                raise ConfigurationError(
                    f'the first epoch of arm "{name}" has no sentence of "{one.target}": expected'
                    " another budget, or a sampler that draws it from the start",
                    "budget",
                )
        of_baseline = facts[baseline]
        updates = self.updates or (
            of_baseline.num_epochs * of_baseline.steps_per_epoch * of_baseline.target_share
        )
        return {name: _steps(one, updates / one.target_share) for name, one in facts.items()}


@Budget.register("seconds")
class EqualSeconds(Budget):
    """Equal time on this machine: each arm's steps follow from its measured seconds a step.

    The seconds of an optimizer step are measured once, before the first run, so that a run has a
    fixed length and can be repeated. Of an arm with stages, the last one gets what the earlier ones
    leave. Registered as "seconds".

    # Parameters

    seconds : training time of every arm, all its stages, without reading data and validating.

    # Example

    ```jsonnet
    { type: 'seconds', seconds: 300 }
    ```
    """

    name = "seconds"

    def __init__(self, seconds: float) -> None:
        self.seconds = above(0, seconds, "seconds")

    def lengths(self, facts: Mapping[str, ArmFacts], baseline: str) -> dict[str, dict[str, Any]]:
        """See `Budget.lengths`."""
        found = {}
        for name, one in facts.items():
            earlier = one.seconds_of_earlier_stages()
            if (left := self.seconds - earlier) <= 0:
                raise ConfigurationError(
                    f'found {self.seconds:g}: the stages of arm "{name}" before its last one alone'
                    f" take about {earlier:.0f} seconds",
                    "budget.seconds",
                )
            found[name] = _steps(one, max(1, int(left / one.seconds_per_step())))
        return found


def _steps(arm: ArmFacts, steps: float) -> dict[str, Any]:
    """Return the overrides for a run of so many optimizer steps."""
    return {
        "trainer.num_epochs": ceil(steps / arm.steps_per_epoch),
        "trainer.max_steps": round(steps),
    }
