"""How a text is shown to an encoder: functions that replace each character by exactly one."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.extras import require_extra

BLANK = " "
# A tag with a Latin name, so that `<色戒>` is left unchanged.
MARKUP = r"</?[A-Za-z][^<>]*>"


def nfkc(character: str) -> str:
    """Return the normalisation form KC of a character (Unicode Standard Annex 15)."""
    return unicodedata.normalize("NFKC", character)


def lowercase(character: str) -> str:
    """Return the lower case of a character."""
    return character.lower()


def simplified() -> Callable[[str], str]:
    """Return a function that simplifies a character with OpenCC's configuration `t2s`.

    # Raises

    UserError : if `opencc` is not installed.
    """
    converter = require_extra("opencc", 'normaliser "simplified"').OpenCC("t2s")

    def form(character: str) -> str:
        if "\ud800" <= character <= "\udfff":
            return character  # OpenCC does not accept single surrogates.
        return str(converter.convert(character))

    return form


def character_wise(form: Callable[[str], str]) -> Callable[[str], str]:
    """Return a function that replaces each character of a text by its form.

    A character whose form is not a single character is left unchanged.

    # Parameters

    form : the form of a character, of any length.
    """
    table = _Table(form)
    return lambda text: text.translate(table)


class _Table(dict[int, str]):
    """The replacement of each code point, computed on first access."""

    def __init__(self, form: Callable[[str], str]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, point: int) -> str:
        character = chr(point)
        form = self._form(character)
        self[point] = form if len(form) == 1 else character
        return self[point]


def without_markup(pattern: str = MARKUP) -> Callable[[str], str]:
    """Return a function that replaces each character of markup by a space.

    # Parameters

    pattern : a Python regular expression that matches markup.

    # Raises

    ConfigurationError : if it is not one.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{pattern!r} is not a regular expression: {error}", "pattern"
        ) from error
    return lambda text: compiled.sub(lambda match: BLANK * len(match[0]), text)


# By the registered name of the normaliser: from its settings, the function that it applies.
FORMS: Mapping[str, Callable[..., Callable[[str], str]]] = {
    "lowercase": lambda: character_wise(lowercase),
    "markup": without_markup,
    "nfkc": lambda: character_wise(nfkc),
    "simplified": lambda: character_wise(simplified()),
}


def text_form(settings: list[Mapping[str, Any]]) -> Callable[[str], str]:
    """Return the function that applies normalisers one after another.

    # Parameters

    settings : the type of each normaliser, one of `FORMS`, and its settings.

    # Examples

    >>> text_form([{"type": "nfkc"}, {"type": "lowercase"}])("ＩＢＭ")
    'ibm'
    """
    forms = [
        FORMS[own["type"]](**{key: value for key, value in own.items() if key != "type"})
        for own in settings
    ]

    def shown(text: str) -> str:
        for form in forms:
            text = form(text)
        return text

    return shown
