"""Encodings of corpus files: checking their names and detecting them."""

import codecs
import re

from ner_adv_plugin.common.errors import ConfigurationError, nearest

UTF8 = "utf-8"
AUTO = "auto"
# Number of bytes from which an encoding is detected.
SAMPLE_BYTES = 1 << 20
# Names that error messages propose; Python knows many more.
_COMMON = (
    AUTO,
    UTF8,
    "gb18030",
    "gbk",
    "gb2312",
    "hz",
    "big5",
    "big5hkscs",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "latin-1",
    "cp1252",
)
# The marks of UTF-32 come first, as they begin with those of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# ASCII, Chinese characters and their punctuation.
_PLAUSIBLE = re.compile("[\t\n\r -~\u2000-\u206f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_CHINESE = ("gb18030", "big5", "big5hkscs")


def canonical(name: str, path: str = "encoding") -> str:
    """Return Python's own name of an encoding; "auto" stays as it is.

    # Parameters

    name : any of its names.
    path : config path of the name, for error messages.

    # Raises

    ConfigurationError : if there is no such encoding of text.

    # Examples

    >>> canonical("GB18030"), canonical("utf8")
    ('gb18030', 'utf-8')
    """
    if name == AUTO:
        return name
    try:
        found = codecs.lookup(name)
        "".encode(name)  # some codecs convert bytes to bytes
    except (LookupError, ValueError):
        message = f'no encoding "{name}": expected one of Python\'s, such as {", ".join(_COMMON)}.'
        raise ConfigurationError(message + nearest(name, _COMMON), path) from None
    return UTF8 if found.name == "utf-8-sig" else found.name


def shown(encoding: str) -> str:
    """Return the name of an encoding as prose has it: UTF-8, GB18030."""
    return encoding.upper().replace("_", "-")


def has_line_bytes(encoding: str) -> bool:
    """Whether a line break is the same single byte as in ASCII, so that bytes divide into lines."""
    return "\n".encode(encoding) == b"\n"


def mark_of(data: bytes) -> tuple[str | None, int]:
    """Return the encoding that a byte order mark at the beginning names, and the mark's length."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return encoding, len(mark)
    return None, 0


def resolve(name: str, data: bytes) -> tuple[str, int]:
    """Return the encoding with which to decode a file, and the length of its byte order mark.

    # Parameters

    name : the reader's encoding, from `canonical`.
    data : the first bytes of the file.
    """
    marked, length = mark_of(data)
    if name == AUTO:
        found = marked or likely_encoding(data) or UTF8
        return found, length if marked else 0

    # Without an order of bytes in its name or in a mark, UTF-16 is taken as little-endian.
    if name in ("utf-16", "utf-32"):
        fits = marked is not None and marked.startswith(name)
        return (str(marked), length) if fits else (f"{name}-le", 0)
    return name, length if marked == name else 0


def likely_encoding(data: bytes) -> str | None:
    """Detect the encoding of Chinese text.

    # Parameters

    data : the beginning of a file, or all of it.

    # Returns

    Python's name of the encoding; None if none fits, or if all bytes are ASCII. Text of which most
    lines are UTF-8 is UTF-8, so that a few damaged lines do not make it anything else.

    # Examples

    >>> likely_encoding("我们在北京的大学里学习".encode("gbk"))
    'gb18030'
    """
    marked, _ = mark_of(data)
    if marked is not None:
        return "utf-16" if marked.startswith("utf-16") else marked

    sample = data[:SAMPLE_BYTES]
    if len(sample) == SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    wide = _utf16_without_mark(sample)
    if wide is not None or sample.isascii():
        return wide

    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    if 2 * sum(decodes(line, UTF8, "surrogatepass") for line in lines) >= len(lines):
        return UTF8
    return _chinese(b"\n".join(lines))


def decodes(data: bytes, encoding: str, errors: str = "strict") -> bool:
    """Return whether bytes are in an encoding."""
    try:
        data.decode(encoding, errors)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_without_mark(sample: bytes) -> str | None:
    """Recognise UTF-16 by the zero bytes of its ASCII characters, such as line breaks."""
    zeros = sample.count(0)
    if not zeros or zeros < len(sample) // 500:
        return None

    whole = sample[: len(sample) // 2 * 2]
    plausible = {
        encoding: len(_PLAUSIBLE.findall(whole.decode(encoding, "replace")))
        for encoding in ("utf-16-le", "utf-16-be")
    }
    encoding = max(plausible, key=plausible.__getitem__)
    return encoding if plausible[encoding] > 0.9 * len(whole) / 2 else None


def _chinese(sample: bytes) -> str | None:
    """Return the most probable of the encodings of Chinese text that decode a text; or None."""
    from charset_normalizer import from_bytes

    # An encoding that includes another one does not compete with it.
    best = from_bytes(sample, cp_isolation=list(_CHINESE[:2])).best()
    if best is not None and best.encoding in _CHINESE:
        return best.encoding

    return next((encoding for encoding in _CHINESE if decodes(sample, encoding)), None)
