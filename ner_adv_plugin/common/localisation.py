"""Messages in the language of the variable NER_LANG: English, or Chinese with `zh`.

Code raises errors in English. Their texts are recognised when they are printed, so that no code
needs to know of translations, and what has none is printed in English.
"""

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache

from ner_adv_plugin.common.messages_zh import HINTS, LABEL, MESSAGES, PHRASED, PHRASES

VARIABLE = "NER_LANG"
CHINESE = "zh"


def error_line(message: str) -> str:
    """Return the line that the command line prints for an error."""
    if not _is_chinese():
        return f"error: {message}"
    return f"{LABEL}{translated(message)}"


def localised(message: str) -> str:
    """Return a message in the language of the user."""
    return translated(message) if _is_chinese() else message


def translated(message: str) -> str:
    """Translate an error into Chinese; values such as numbers, paths and names stay.

    A place before the message, such as `train.bio:17: ` or `trainer.patience: `, stays as well.
    What the catalogue does not have is returned as it is.

    # Parameters

    message : the English text.

    # Examples

    >>> translated('trainer.patients: unknown key. Did you mean "patience"? Accepted: a, b.')
    'trainer.patients: 未知的键。是否想写 "patience"？可用的键：a, b。'
    """
    starts = [0, *(match.end() for match in re.finditer(": ", message))]
    for start in starts:
        found = entry_of(message[start:])
        if found is not None:
            name, values = found
            return message[:start] + _filled(MESSAGES[name][1], values)
    return message


def entry_of(message: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the name of the entry whose English text a message has, and its values.

    # Parameters

    message : an English text, without a place before it.
    """
    for name, pattern in _patterns().items():
        if match := pattern.fullmatch(message):
            return name, match.groupdict()
    return None


def values_in(template: str) -> list[str]:
    """Return the names of the values in a text of the catalogue."""
    return re.findall(r"\{(\w+)\}", template)


def _is_chinese() -> bool:
    return os.environ.get(VARIABLE, "").lower().replace("_", "-").split("-")[0] == CHINESE


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put the values into a Chinese text; hints and those that are words are translated."""
    shown = dict(values)
    if "hint" in shown:
        shown["hint"] = _phrase(shown["hint"], HINTS)
    for name in PHRASED:
        if name in shown:
            shown[name] = _phrase(shown[name], PHRASES)
    return re.sub(r"\{(\w+)\}", lambda match: shown[match[1]], template)


def _phrase(text: str, phrases: Iterable[tuple[str, str]]) -> str:
    for english, chinese in phrases:
        if match := _pattern(english).fullmatch(text):
            return _filled(chinese, match.groupdict())
    return text


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {name: _pattern(english) for name, (english, _) in MESSAGES.items()}


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return a pattern for an English text, in which any text may stand for a value."""
    hints = "|".join(re.sub(r"\\\{\w+\\\}", ".*?", re.escape(english)) for english, _ in HINTS)
    source = re.escape(template).replace(r"\{hint\}", f"(?P<hint>(?:{hints})?)")
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*?)", source), re.DOTALL)
