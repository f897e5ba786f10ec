"""Docstrings are taken apart, and translated for autodoc."""

import inspect

from docs.site.docstrings import parse, to_rst


def documented(one: int, other: int) -> None:
    """Say what it is,
    in a sentence. Registered as "documented".

    More of it: `a * b`, and |c| * 2.

    # Parameters

    one, other : numbers, not
        negative.

    # Returns

    Nothing
    at all.

    # Raises

    ValueError : one is `None`.

    # Example

    ```jsonnet
    {
      // # Parameters
      type: 'documented',
    }
    ```

    Somebody 2001, eq. 5.
    """  # noqa: D205


def test_a_docstring_is_taken_apart() -> None:
    found = parse(documented)
    assert found.summary == "Say what it is, in a sentence."
    assert found.description == "More of it: `a * b`, and |c| * 2."
    assert list(found.sections) == ["Parameters", "Returns", "Raises", "Example"]
    assert found.example == "{\n  // # Parameters\n  type: 'documented',\n}"
    assert found.source == "Somebody 2001, eq. 5."


def test_a_session_of_python_or_an_entry_is_no_source() -> None:
    def sessions() -> None:
        """Say.

        # Examples

        >>> 1

        >>> 2
        """

    def parameters() -> None:
        """Say.

        # Parameters

        one : a number.

        two : another.
        """

    assert parse(sessions).source == parse(parameters).source == ""


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
