"""The example in the docstring of every registered class is a valid config of that class."""

import json
from typing import Annotated, Any

import _jsonnet
import pytest

from ner_adv_plugin.commands import catalogue
from ner_adv_plugin.commands.docstrings import parse
from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.params import default_variables
from ner_adv_plugin.common.schema import Supplied, parameters

# By base class and name. Third-party classes have docstrings of their own.
COMPONENTS = {
    (base_name, name): target
    for base_name, base in catalogue.bases().items()
    for name, target in catalogue.components(base).items()
    if target.__module__.startswith("ner_adv_plugin.")
}


def examples_of(target: Any) -> list[str]:
    """Return the Jsonnet blocks below `# Example` of a component's own docstring."""
    return parse(target).examples


WITH_EXAMPLE = [key for key, target in COMPONENTS.items() if examples_of(target)]


def test_finds_the_example_of_a_docstring() -> None:
    class Component:
        """Do nothing.

        # Example

        For the trainer:

        ```jsonnet
        { type: 'nothing' }
        ```

        # Parameters

        name : unused.

        ```jsonnet
        { type: 'other' }
        ```
        """

    assert examples_of(Component) == ["{ type: 'nothing' }"]
    assert examples_of(type("Undocumented", (Component,), {})) == []


@pytest.mark.parametrize(("base_name", "name"), WITH_EXAMPLE)
def test_the_example_is_a_config_of_the_component(base_name: str, name: str) -> None:
    base = catalogue.bases()[base_name]
    target = COMPONENTS[base_name, name]
    keys = {key.name for key in catalogue.keys(target)}
    supplied = Supplied(*({parameter.name for parameter in parameters(target)} - keys))

    for text in examples_of(target):
        lines = text.splitlines()
        assert 1 <= len(lines) <= 8 and max(map(len, lines)) <= 96
        config = json.loads(
            _jsonnet.evaluate_snippet("example", text, ext_vars=default_variables())
        )
        # A class may have several names. Bound methods are equal, but not identical.
        assert catalogue.components(base)[config["type"]] == target
        assert bind(Annotated[base, supplied], config, "example").target == target


def test_every_component_has_an_example() -> None:
    missing = sorted(f"{base}.{name}" for base, name in COMPONENTS.keys() - set(WITH_EXAMPLE))
    assert not missing, f"no `# Example` in the docstrings of {', '.join(missing)}"
