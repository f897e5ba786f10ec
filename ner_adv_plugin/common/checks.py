"""Checks of settings before anything is built or read: the walk over a config, and its hooks.

Every component may have one hook, a class method `check(settings, context)`; see
`Registrable.check`.
"""

import inspect
from dataclasses import dataclass
from typing import Generic, TypeVar

from ner_adv_plugin.common.errors import below, joined
from ner_adv_plugin.common.schema import Bound

R = TypeVar("R")


@dataclass(frozen=True)
class CheckContext(Generic[R]):
    """Where a component stands, and what is known of the whole.

    # Parameters

    path : the component's path in the config, such as `trainer.instance_weighting.msra`.
    name : the last key of the path, such as `msra`.
    run : what is known of the run, `PlannedRun`; None outside of a whole config, where rules that
        need it are skipped.
    """

    path: str
    name: str
    run: R | None


def check_parts(bound: Bound, run: object = None, path: str = "", name: str = "") -> None:
    """Call the hook of every component of a checked config value, each before those inside it.

    # Parameters

    bound : the value; what is inside `Lazy` parts is walked, too.
    run : see `CheckContext`.
    path : where the value stands in the config.
    name : the last key of `path`.

    Raises the `ConfigurationError` of the first hook that refuses its settings.
    """
    hook = getattr(bound.target, "check", None)
    # Classes from elsewhere may have a method of this name.
    if inspect.isclass(bound.target) and inspect.ismethod(hook):
        with below(path):
            hook(bound.filled, CheckContext(path, name, run))

    for key, child in bound.children.items():
        check_parts(child, run, joined(path, key), key)
