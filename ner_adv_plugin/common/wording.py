"""The words of errors about a config: what stood there, what is accepted."""

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
    """A value as Jsonnet writes it, cut where it is long."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def listed(names: Iterable[str]) -> str:
    """Names in order."""
    return ", ".join(sorted(names)) or "(none)"


def with_article(name: str) -> str:
    """A name with "a" or "an" before it."""
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def in_words(annotation: Any) -> str:
    """What an annotation takes, in words to follow others; empty where they would not help."""
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
