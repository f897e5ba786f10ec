"""Wording of config errors: values found and values accepted."""

import inspect
import json
import typing
from collections.abc import Iterable
from typing import Annotated, Any

from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.schema import Lazy, registered

SCALARS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
}


def shown(value: Any) -> str:
    """Return a value as it is written in Jsonnet, shortened to 80 characters.

    # Examples

    >>> shown(True), shown("lstm")
    ('true', "'lstm'")
    """
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def listed(names: Iterable[str]) -> str:
    """Return names in alphabetical order, separated by commas."""
    return ", ".join(sorted(names)) or "(none)"


def with_article(name: str) -> str:
    """Return a name preceded by "a" or "an"."""
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def in_words(annotation: Any) -> str:
    """Describe an annotation as the end of a message; empty if there is no short description.

    # Examples

    >>> in_words(int)
    ': a whole number'
    """
    args = typing.get_args(annotation)
    if typing.get_origin(annotation) in (Annotated, Lazy):
        return in_words(args[0])
    if annotation in SCALARS:
        return f": {SCALARS[annotation]}"
    if (
        inspect.isclass(annotation)
        and issubclass(annotation, TangoRegistrable)
        and registered(annotation)
    ):
        return f": {with_article(annotation.__name__)}, one of {listed(registered(annotation))}"
    return ""
