"""Checks of a bound config before anything is built or read.

Every component may define one hook, a class method `check(settings, context)`; see
`Registrable.check`.
"""

from collections.abc import Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from ner_adv_plugin.common.errors import ConfigurationError, below, joined
from ner_adv_plugin.common.numbers import check_numbers
from ner_adv_plugin.common.schema import Bound

R = TypeVar("R")


@dataclass(frozen=True)
class CheckContext(Generic[R]):
    """The position of a component in the config, and what is known about the whole run.

    # Parameters

    path : the component's path in the config, such as `trainer.instance_weighting.msra`.
    name : the last key of the path, such as `msra`.
    run : the `PlannedRun`; None if only a fragment of a config is checked. Rules that need it are
        skipped then.
    """

    path: str
    name: str
    run: R | None


def check_parts(bound: Bound, run: object = None, path: str = "", name: str = "") -> None:
    """Check the numbers of every component of a bound value, and call its `check` hook.

    Outer components come first. A hook may derive names from the numbers, so that its error for a
    wrong one would name a key that is not in the config.

    # Parameters

    bound : the value; components inside `Lazy` are checked as well.
    run : see `CheckContext`.
    path : the path of the value in the config.
    name : the last key of `path`.

    # Raises

    ConfigurationError : from the first hook that refuses its settings.
    """
    hook = bound.hook("check")
    with below(path):
        check_numbers(bound)
        if hook is not None:
            hook(bound.filled, CheckContext(path, name, run))

    for key, child in bound.children.items():
        check_parts(child, run, joined(path, key), key)


def check_some(values: Sized | None, expected: str, path: str) -> None:
    """Refuse an empty list or object, with which a component does nothing; null passes.

    # Parameters

    values : the list or object.
    expected : one of its members and, if null is accepted, what null means.
    path : its config path.

    # Raises

    ConfigurationError : if it is empty.

    # Examples

    >>> check_some([], "dataset, or null for all", "datasets")
    Traceback (most recent call last):
    ner_adv_plugin.common.errors.ConfigurationError: datasets: expected at least one dataset, ...
    """
    if values is not None and not values:
        raise ConfigurationError(f"expected at least one {expected}", path)


def files_read(bound: Bound, path: str = "") -> dict[str, str]:
    """Collect the files that the components of a bound value read; see `Registrable.files_read`.

    # Parameters

    bound : the value; components inside `Lazy` are asked as well.
    path : the path of the value in the config.

    # Returns

    Paths of files by config path.
    """
    found: dict[str, str] = {}
    hook = bound.hook("files_read")
    if hook is not None:
        found = {joined(path, key): file for key, file in hook(bound.filled).items()}
    for key, child in bound.children.items():
        found.update(files_read(child, joined(path, key)))
    return found
