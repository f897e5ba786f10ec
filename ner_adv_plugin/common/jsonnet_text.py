"""Values and keys as Jsonnet text."""

import json
import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(
    "assert|else|error|false|for|function|if|import|importbin|importstr|in|local|null|self|super|"
    "tailstrict|then|true"
)


def is_name(text: str) -> bool:
    """Return whether Jsonnet takes a text as a name, such as that of a key, without quotes.

    # Examples

    >>> is_name("weibo"), is_name("PER.NAM"), is_name("local")
    (True, False, False)
    """
    return _NAME.fullmatch(text) is not None and _RESERVED.fullmatch(text) is None


def quoted(text: str) -> str:
    r"""Return a string as Jsonnet, in single quotes if it needs no escapes.

    # Examples

    >>> print(quoted("PER.NAM"), quoted("it's"))
    'PER.NAM' "it's"
    """
    plain = text.isprintable() and "'" not in text and "\\" not in text
    return f"'{text}'" if plain else json.dumps(text, ensure_ascii=False)


def key(text: str) -> str:
    """Return a key of an object, in quotes if it needs them."""
    return text if is_name(text) else quoted(text)
