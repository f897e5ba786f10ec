"""The catalogue of registered components and their config keys, derived from the code."""

import dataclasses
import inspect
import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.commands.docstrings import entries, parse
from ner_adv_plugin.commands.subcommand import Subcommand
from ner_adv_plugin.common.schema import REQUIRED, Lazy, parameters, registered
from ner_adv_plugin.modules.towers import LazyTower

SUPPLIED_TO_TOWERS = typing.get_args(LazyTower)[1].names


@dataclass(frozen=True)
class Key:
    """One config key.

    # Parameters

    name : the name of the key.
    type : the type of its value.
    default : the default as JSON; None if the key is required.
    meaning : the description in the docstring.
    """

    name: str
    type: str
    default: str | None
    meaning: str


def bases() -> dict[str, type]:
    """Return the base classes of components, by name in alphabetical order."""
    registries = TangoRegistrable._registry.items()
    found = {base.__name__: base for base, names in registries if names and _has_components(base)}
    return dict(sorted(found.items()))


def _has_components(base: type) -> bool:
    is_own = base.__module__.startswith("ner_adv_plugin") and base is not Subcommand
    return is_own or base is Seq2SeqEncoder


def components(base: type) -> dict[str, Any]:
    """Return everything registered under a base class, by name in alphabetical order."""
    return dict(sorted(registered(base).items()))


def find(name: str) -> Iterator[tuple[str, Any]]:
    """Yield every component registered under a name, with the name of its base class."""
    for base_name, base in bases().items():
        if name in registered(base):
            yield base_name, registered(base)[name]


def summary(target: Any) -> str:
    """Return the first paragraph of a component's docstring; its class and package if missing."""
    package = target.__module__.split(".")[0]
    if target.__doc__ is None or package == "allennlp_light":
        return f"`{target.__name__}` of {package.replace('_', '-')}."

    return parse(target).summary


def keys(target: Any) -> list[Key]:
    """Return the config keys of a component, without the arguments that the program supplies."""
    meanings = _meanings(target)
    is_tower = inspect.isclass(target) and issubclass(target, Seq2SeqEncoder)
    found = []
    for parameter in parameters(target):
        meaning = meanings.get(parameter.name, "")
        if meaning.startswith("supplied") or (is_tower and parameter.name in SUPPLIED_TO_TOWERS):
            continue
        default = None if parameter.default is REQUIRED else _json(parameter.default)
        found.append(Key(parameter.name, _type_name(parameter.annotation), default, meaning))
    return found


def _meanings(target: Any) -> dict[str, str]:
    """Return the description of each parameter; a reference to a base class is followed."""
    owners = inspect.getmro(target) if inspect.isclass(target) else (target,)
    result: dict[str, str] = {}
    for owner in owners:
        for name, meaning in entries(parse(owner).sections.get("Parameters", "")):
            if not result.get(name) or result[name].startswith("see `"):
                result[name] = meaning
    return result


def _json(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)


def _type_name(annotation: Any) -> str:
    """Return the name of a type for the author of a config."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Annotated, Lazy):
        return _type_name(args[0])
    if origin is typing.Literal:
        return " or ".join(f'"{arg}"' for arg in args)
    if origin in (list, tuple) or origin is dict:
        inner = [_type_name(arg) for arg in args if arg is not Ellipsis]
        return f"{origin.__name__}[{', '.join(inner)}]"
    if args:
        return " or ".join(_type_name(arg) for arg in args if arg is not type(None))
    return getattr(annotation, "__name__", str(annotation))


def markdown() -> str:
    """Return tables of all components in Markdown."""
    lines = []
    for base_name, base in bases().items():
        lines += [f"### {base_name}", "", "| `type` | what it is | keys |", "|---|---|---|"]
        for name, target in components(base).items():
            shown = [
                f"`{key.name}`" + ("" if key.default is None else f" = `{key.default}`")
                for key in keys(target)
            ]
            lines.append(f"| `{name}` | {_cell(summary(target))} | {_cell(', '.join(shown))} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
