"""Reference pages of components, read off the registry."""

import re
from dataclasses import fields
from inspect import cleandoc
from typing import Any

from docs.site.markdown import Pages, prose, row, toctree
from ner_adv_plugin.commands import catalogue
from ner_adv_plugin.commands.catalogue import Key
from ner_adv_plugin.commands.docstrings import ENTRY, Docstring, entries, parse
from ner_adv_plugin.runs.job import TrainJob


def pages() -> Pages:
    """The text of every page, by its path without `.md`: one for each base class and component."""
    bases = catalogue.bases()
    users = _users(bases)
    result = {"components": _overview(bases), "config": _config_page(bases)}
    for base_name, base in bases.items():
        folder = slug(base_name)
        result[f"{folder}/index"] = _base_page(base_name, base, users.get(base_name, []))
        for name, target in catalogue.components(base).items():
            result[f"{folder}/{name}"] = _component_page(base_name, name, target, bases)
    return result


def slug(base_name: str) -> str:
    """The folder of a base class: `TrainerCallback` is `trainer-callback`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", base_name).lower()


def example(name: str, target: Any) -> str:
    """The example of a component's docstring; without one, its name and required keys."""
    written = parse(target).examples
    if written:
        return written[0]

    required = [key for key in catalogue.keys(target) if key.default is None]
    values = "".join(f", {key.name}: {_placeholder(key)}" for key in required)
    return f"{{ type: '{name}'{values} }}"


def _placeholder(key: Key) -> str:
    """A value of a key's type, for an example."""
    first = key.type.split(" or ")[0]
    if first.startswith('"'):
        return first.replace('"', "'")
    simple = {"int": "1", "float": "0.1", "bool": "true", "str": f"'{key.name}'"}
    if first.startswith("list"):
        return "[]"
    return simple.get(first, "{}")


def _users(bases: dict[str, type]) -> dict[str, list[str]]:
    """Links to the components and top-level keys that take a component, by base class."""
    result: dict[str, list[str]] = {}
    places = [(f"[`{key.name}`](../config.md)", key) for key in catalogue.keys(TrainJob)]
    for base_name, base in bases.items():
        for name, target in catalogue.components(base).items():
            link = f"../{slug(base_name)}/{name}.md"
            places += [(f"[`{name}.{key.name}`]({link})", key) for key in catalogue.keys(target)]
    for place, key in places:
        for word in set(re.findall(r"\w+", key.type)) & bases.keys():
            result.setdefault(word, []).append(place)
    return result


def _overview(bases: dict[str, type]) -> str:
    lines = [
        "# Components",
        "",
        OVERVIEW,
        "",
        "| base class | what it is | names |",
        "|---|---|---|",
    ]
    for base_name, base in bases.items():
        folder = slug(base_name)
        names = [f"[`{name}`]({folder}/{name}.md)" for name in catalogue.components(base)]
        link = f"[{base_name}]({folder}/index.md)"
        lines.append(row(link, _base_summary(base_name, base), ", ".join(names)))
    return "\n".join([*lines, "", *toctree(f"{slug(name)}/index" for name in bases)])


def _config_page(bases: dict[str, type]) -> str:
    lines = ["# Keys of a config", "", CONFIG, "", *_key_table(catalogue.keys(TrainJob), bases, "")]
    for field in fields(TrainJob):
        nested = getattr(field.type, "__args__", (field.type,))[0]
        own = getattr(nested, "__module__", "").startswith("ner_adv_plugin.runs")
        if field.init and own and parse(nested).sections.get("Parameters"):
            title = ["", f"## `{field.name}`", "", parse(nested).summary, ""]
            lines += [*title, *_key_table(catalogue.keys(nested), bases, "")]
    return "\n".join([*lines, ""])


def _base_summary(base_name: str, base: type) -> str:
    if base_name == "Seq2SeqEncoder":
        return "A tower: turns the states of a sequence into others, one for each character."
    return parse(base).summary


def _base_page(base_name: str, base: type, users: list[str]) -> str:
    lines = [f"# {base_name}", "", prose(_base_summary(base_name, base)), ""]
    if users:
        lines += [f"Taken by {', '.join(users)}.", ""]
    lines += ["| `type` | what it is |", "|---|---|"]
    known = catalogue.components(base)
    for name, target in known.items():
        lines.append(row(f"[`{name}`]({name}.md)", catalogue.summary(target)))
    lines += ["", f"Class: `{base.__module__}.{base.__qualname__}`", ""]
    return "\n".join([*lines, *toctree(known)])


def _component_page(base_name: str, name: str, target: Any, bases: dict[str, type]) -> str:
    own = target.__module__.startswith("ner_adv_plugin")
    docstring = parse(target) if own else Docstring("", "", {}, "")
    lines = [f"# `{name}`", "", prose(catalogue.summary(target)), ""]
    lines += [prose(docstring.description), ""] if docstring.description else []
    lines += ["```jsonnet", example(name, target), "```", "", "## Keys", ""]
    found = catalogue.keys(target)
    lines += _key_table(found, bases, "../") if found else ["It takes no keys."]
    for title, text in docstring.sections.items():
        if title not in ("Parameters", "Attributes", "Example", "Returns"):
            lines += ["", f"## {title}", "", _section(text)]
    lines += ["", "## Source", "", prose(docstring.source)] if docstring.source else []
    path = f"{target.__module__}.{target.__qualname__}"
    return "\n".join([*lines, "", f"[{base_name}](index.md), class `{path}`", ""])


def _section(text: str) -> str:
    """The text of a section: a session of Python as code, entries `name : meaning` as a list."""
    if text.startswith(">>>"):
        return f"```python\n{text}\n```"
    if ENTRY.match(text):
        return "\n".join(f"- `{name}`: {prose(meaning)}" for name, meaning in entries(text))
    return prose(text)


def _key_table(keys: list[Key], bases: dict[str, type], up: str) -> list[str]:
    lines = ["{.keys}", "| key | type | default | meaning |", "|---|---|---|---|"]
    for key in keys:
        default = "required" if key.default is None else f"`{key.default}`"
        lines.append(row(f"`{key.name}`", _type(key.type, bases, up), default, key.meaning))
    return lines


def _type(shown: str, bases: dict[str, type], up: str) -> str:
    """A type with links to the base classes in it."""
    words = set(re.findall(r"\w+", shown))
    if not words & bases.keys():
        return f"`{shown}`"

    def link(match: re.Match[str]) -> str:
        word = match[0]
        return f"[{word}]({up}{slug(word)}/index.md)" if word in bases else word

    return re.sub(r"\w+", link, shown.replace("[", r"\[").replace("]", r"\]"))


OVERVIEW = cleandoc(
    """
    What a config can name. A component is an object with its registered name as `type` and its
    keys beside it, or the name alone if it needs no key. `allennlp components NAME` prints the
    same on the command line.
    """
)
CONFIG = cleandoc(
    """
    The keys at the top of a config. An unknown key is an error; `allennlp train CONFIG --dry-run`
    prints the whole config with all defaults.
    """
)
