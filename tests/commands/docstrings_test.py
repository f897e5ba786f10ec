"""Docstrings are taken apart."""

from ner_adv_plugin.commands.docstrings import parse


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
    assert found.examples == ["{\n  // # Parameters\n  type: 'documented',\n}"]
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
