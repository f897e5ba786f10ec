"""Reading the lines of a corpus file."""

from collections.abc import Iterator

from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.reading.decoding import check_encoding, decode, report_undecodable
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.text_encoding import UTF8, canonical, resolve


def read_text(
    file_path: str,
    errors: str = "strict",
    encoding: str = UTF8,
    counts: ReadingCounts | None = None,
) -> str:
    """Read a file with or without a byte order mark, and convert its line breaks to LF.

    # Parameters

    file_path : a path or a URL.
    errors : Python's name of the error handler for bytes that are not in the encoding.
    encoding : one of Python's names of the encoding, or "auto" to detect it.
    counts : counts of the file, to which damaged lines are added; None to log them at once.

    # Raises

    DataError : with the line number, if bytes are not in the encoding and `errors` is "strict", or
        if too many lines are damaged.
    """
    whole = local_path(file_path).read_bytes()
    codec, mark = resolve(canonical(encoding), whole)
    data = whole[mark:]
    check_encoding(file_path, data, codec)
    text, undecodable = decode(data, errors, file_path, encoding=codec)

    found = ReadingCounts() if counts is None else counts
    lines = text.count("\n") + 1
    report_undecodable(file_path, undecodable, lines, data, errors, codec, found)
    if counts is None:
        found.log(file_path)
    return text.replace("\r\n", "\n")


def read_lines(
    file_path: str,
    errors: str = "strict",
    encoding: str = UTF8,
    counts: ReadingCounts | None = None,
) -> list[str]:
    """Read the lines of a file without their line breaks.

    Only LF and CRLF end a line: U+2028, U+0085 and the other characters at which `str.splitlines`
    splits may be part of a text.

    # Parameters

    file_path, errors, encoding, counts : see `read_text`.

    # Raises

    DataError : see `read_text`.
    """
    lines = read_text(file_path, errors, encoding, counts).split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each block of consecutive non-empty lines with the 1-based number of its first line."""
    start = 0
    number = 1
    while start < len(text):
        if text[start] == "\n":
            start += 1
            number += 1
            continue

        end = text.find("\n\n", start)
        end = len(text) if end < 0 else end
        lines = text[start:end].removesuffix("\n").split("\n")
        yield number, lines

        start = end + 1
        number += len(lines)
