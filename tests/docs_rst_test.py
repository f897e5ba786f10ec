"""Docstrings are translated for autodoc."""

import inspect

from docs.site.rst import to_rst
from tests.commands.docstrings_test import documented


def test_sections_become_fields() -> None:
    lines = to_rst(inspect.cleandoc(documented.__doc__ or "").splitlines())
    assert "More of it: ``a * b``, and \\|c\\| \\* 2." in lines
    assert lines[lines.index(":param one: numbers, not negative.") + 1] == (
        ":param other: numbers, not negative."
    )
    assert ":returns: Nothing at all." in lines
    assert ":raises ValueError: one is ``None``." in lines
    code = lines.index(".. code-block:: jsonnet")
    assert lines[code + 1 : code + 4] == ["", "    {", "      // # Parameters"]
