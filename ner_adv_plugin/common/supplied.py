"""Wording of errors about arguments that the program supplies to a custom component."""

import re
from collections.abc import Callable
from typing import Any

from ner_adv_plugin.common.errors import nearest
from ner_adv_plugin.common.wording import listed, with_article

OWN = "ner_adv_plugin."
MISSING = re.compile(r"([\w.]+)\.__init__\(\) missing \d+ required (?:positional|keyword-only) arg")


def what_is_given(
    target: Callable[..., Any], base: type, supplied: frozenset[str], missing: str
) -> str:
    """Return the end of a message about a missing key: what a custom component is supplied with.

    # Parameters

    target : the component's constructor.
    base : the base class of the component, such as `Model`.
    supplied : names of the arguments that the program supplies.
    missing : name of the parameter that neither the config nor the program gives.

    # Returns

    Sentences that start with a full stop; empty for a component of this package.
    """
    if not supplied or f"{target.__module__}.".startswith(OWN):
        return ""
    return (
        f". If the program should give it: {with_article(base.__name__)} is given"
        f" {listed(supplied)}.{nearest(missing, supplied)}"
    )


def what_is_missing(
    error: TypeError, target: Callable[..., Any], base: type, supplied: frozenset[str]
) -> str | None:
    """Explain the error of a constructor that does not pass on what its base class needs.

    # Parameters

    error : raised by the constructor.
    target, base, supplied : see `what_is_given`.

    # Returns

    A message; None for an error with another cause.
    """
    text = str(error)
    match = MISSING.match(text)
    lost = [name for name in re.findall(r"'(\w+)'", text) if name in supplied]
    if match is None or not lost:
        return None

    names = " and ".join(f"`{name}`" for name in lost)
    given = with_article(base.__name__)
    return (
        f"{target.__qualname__}.__init__ does not pass on {names}, required by"
        f" {match[1]}.__init__. {given[0].upper()}{given[1:]} is given {listed(supplied)}: take"
        f" {names} as a parameter and pass it to super().__init__"
    )
