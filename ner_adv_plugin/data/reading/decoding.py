"""Decoding the bytes of a corpus file, with errors that name the line and the likely encoding."""

import codecs
from itertools import pairwise
from pathlib import Path

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.text_encoding import (
    UTF8,
    decodes,
    has_line_bytes,
    likely_encoding,
    shown,
)

# At most this many lines, or this share of them, may be damaged.
DAMAGED_LINES = 2
DAMAGED_SHARE = 0.01
# Name of an error handler that records the positions of errors.
_RECORDING = "ner_adv_plugin.recording"


def decode(
    data: bytes, errors: str, file_path: str | Path, first_line: int = 1, encoding: str = UTF8
) -> tuple[str, list[int]]:
    """Decode whole lines of a file.

    # Parameters

    data : the bytes of the lines.
    errors : Python's name of the error handler for bytes that are not in the encoding.
    file_path : path of the file, for error messages.
    first_line : number of the first line.
    encoding : Python's name of the encoding.

    # Returns

    The text, and the numbers of the lines with bytes that are not in the encoding.

    # Raises

    DataError : with the line number, if bytes are not in the encoding and `errors` is "strict".
    """
    try:
        return data.decode(encoding), []
    except UnicodeDecodeError as error:
        if not has_line_bytes(encoding):
            return _decode_whole(data, errors, file_path, encoding, error)
        lines: list[str] = []
        undecodable: list[int] = []

    for number, line in enumerate(data.split(b"\n"), start=first_line):
        try:
            lines.append(line.decode(encoding))
        except UnicodeDecodeError as error:
            if errors == "strict":
                found = line[error.start : error.end]
                expected = _expected(encoding, likely_encoding(data))
                raise DataError(file_path, number, found, expected) from None
            lines.append(line.decode(encoding, errors))
            undecodable.append(number)
    return "\n".join(lines), undecodable


def _decode_whole(
    data: bytes, errors: str, file_path: str | Path, encoding: str, first: UnicodeDecodeError
) -> tuple[str, list[int]]:
    """Decode a file whose lines end in more than a byte; see `decode`."""
    if errors == "strict":
        number = data[: first.start].decode(encoding).count("\n") + 1
        found = data[first.start : first.end]
        raise DataError(file_path, number, found, _expected(encoding, likely_encoding(data)))

    positions: list[int] = []
    handle = codecs.lookup_error(errors)

    def record(error: UnicodeError) -> tuple[str | bytes, int]:
        assert isinstance(error, UnicodeDecodeError)
        positions.append(error.start)
        return handle(error)

    codecs.register_error(_RECORDING, record)
    text = data.decode(encoding, _RECORDING)
    numbers = [1]
    for before, position in pairwise([0, *positions]):
        lines_between = data[before:position].decode(encoding, errors).count("\n")
        numbers.append(numbers[-1] + lines_between)
    return text, sorted(set(numbers[1:]))


def report_undecodable(
    file_path: str,
    undecodable: list[int],
    num_lines: int,
    sample: bytes,
    errors: str,
    encoding: str,
    counts: ReadingCounts,
) -> None:
    """Count the damaged lines of a file.

    # Parameters

    file_path : path of the file.
    undecodable : line numbers returned by `decode`.
    num_lines : number of lines of the file.
    sample : its bytes, or the first of them.
    errors : name of the error handler that was used.
    encoding : Python's name of the encoding that was used.
    counts : counts of the file.

    # Raises

    DataError : if so many lines are damaged that the file rather has another encoding.
    """
    if not undecodable:
        return

    likely = likely_encoding(sample)
    most = max(DAMAGED_LINES, int(DAMAGED_SHARE * num_lines))
    if len(undecodable) > most + _num_halves(sample, encoding) or likely not in (None, encoding):
        found = f"{len(undecodable)} of {num_lines} lines not in {shown(encoding)}"
        expected = f'at most {most} with encoding_errors "{errors}"'
        raise DataError(file_path, undecodable[0], found, expected + _hint(encoding, likely))

    note = f' (not in {shown(encoding)}) decoded with encoding_errors "{errors}"'
    counts.add("damaged lines", undecodable[0], len(undecodable), note)


def _num_halves(sample: bytes, encoding: str) -> int:
    """Return the number of lines whose only fault are surrogates, the halves of an emoji, in UTF-8.

    Some corpora have many of them; they are no sign of another encoding.
    """
    return sum(
        not decodes(line, encoding) and decodes(line, encoding, "surrogatepass")
        for line in (sample.split(b"\n") if encoding == UTF8 else ())
    )


def check_encoding(file_path: str, sample: bytes, encoding: str) -> None:
    """Raise a `DataError` if a file is read with another encoding but is UTF-8.

    Most bytes mean something in most encodings, so decoding alone need not fail.

    # Parameters

    file_path : path of the file.
    sample : its bytes, or the first of them, without a byte order mark.
    encoding : Python's name of the encoding.
    """
    if encoding == UTF8 or not sample:
        return
    try:
        text = codecs.getincrementaldecoder(UTF8)().decode(sample)
    except UnicodeDecodeError:
        return

    if has_line_bytes(encoding):
        is_utf8 = sum("\u2e80" <= character <= "\uffef" for character in text[:10000]) > 3
    else:
        is_utf8 = "\0" not in text
    if is_utf8:
        raise DataError(file_path, None, "UTF-8 text", f"{shown(encoding)} text, as encoding says")


def _expected(encoding: str, likely: str | None) -> str:
    hint = _hint(encoding, likely) or " (set encoding, or encoding_errors for a few damaged lines)"
    return f"{shown(encoding)} text{hint}"


def _hint(encoding: str, likely: str | None) -> str:
    if likely is None or likely == encoding:
        return ""
    return f": it looks like {shown(likely)}, set encoding: '{likely}'"
