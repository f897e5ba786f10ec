"""Reading the lines of files that are always UTF-8, such as word lists."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.reading.text_encoding import SAMPLE_BYTES, UTF8, likely_encoding, shown


def utf8_lines(path: str | Path, errors: str = "strict") -> Iterator[tuple[int, str]]:
    """Yield the numbers, from 1, and the lines of a UTF-8 file, without their line breaks.

    A byte order mark is left out; lines end as in `read_lines`.

    # Parameters

    path : path or URL of the file.
    errors : Python's name of the error handler for bytes that are not UTF-8.

    # Raises

    DataError : the file has another encoding, or a line is not UTF-8 and `errors` is "strict". No
        config key says how to read the file, so the message says how to convert it.
    """
    with local_path(str(path)).open("rb") as file:
        _check_encoding(path, file.read(SAMPLE_BYTES))
        file.seek(0)
        for number, line in enumerate(file, 1):
            data = line.removesuffix(b"\n").removesuffix(b"\r")
            if number == 1:
                data = data.removeprefix(codecs.BOM_UTF8)
            try:
                yield number, data.decode(UTF8, errors)
            except UnicodeDecodeError as error:
                found = data[error.start : error.end]
                raise DataError(path, number, found, "UTF-8 text") from None


def _check_encoding(path: str | Path, sample: bytes) -> None:
    likely = likely_encoding(sample)
    if likely not in (None, UTF8):
        name = shown(likely)
        expected = f"UTF-8 text: convert the file, as by `iconv -f {name} -t UTF-8`"
        raise DataError(path, None, f"{name} text", expected)
