"""The examples of all docstrings run from the project's folder and print what they show."""

import doctest
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from tango.common.registrable import Registrable

import ner_adv_plugin

PACKAGE = Path(ner_adv_plugin.__file__).parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# By their text, so that collecting the tests imports nothing.
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture(autouse=True)
def registered_as_before() -> Iterator[None]:
    """Remove the classes that an example registers, as other tests must not see them."""
    before = {base: set(names) for base, names in Registrable._registry.items()}
    yield
    for base, names in Registrable._registry.items():
        for name in names.keys() - before.get(base, set()):
            registered, _ = names[name]
            # The classes of a module that an example imports stay registered.
            if getattr(sys.modules[registered.__module__], registered.__name__, None) is None:
                del names[name]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    # An example that sets a variable must not set it for other tests.
    with patch.dict(os.environ):
        result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.attempted and not result.failed
