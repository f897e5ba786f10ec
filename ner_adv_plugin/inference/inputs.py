"""Files of inputs: plain text, JSON Lines, tables, and annotated files."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.formats.auto import AUTO
from ner_adv_plugin.data.formats.conversion import ENDINGS, source_of
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.huggingface import HUB
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.text_encoding import UTF8, canonical, has_line_bytes, shown
from ner_adv_plugin.inference.input_lines import (
    JSON_LINES,
    STDIN,
    TEXT,
    RawInput,
    named,
    text_or_objects,
)
from ner_adv_plugin.inference.input_tables import TABLES, rows

# Formats that are read line by line, so that memory does not grow with the file.
LINE_FORMATS = (TEXT, JSON_LINES, *TABLES)


@dataclass(frozen=True)
class InputLine:
    """One line of a file of inputs.

    # Parameters

    number : 1-based number of the line.
    inputs : its JSON object; empty if the line is blank or not an object.
    instance : the instance to predict; an empty one for a blank line, None if there is an error.
    error : why the line cannot be predicted, with file and line.
    """

    number: int
    inputs: dict[str, Any] = field(default_factory=dict)
    instance: Instance | None = None
    error: UserError | None = None


@dataclass(frozen=True)
class InputFormat:
    """How to read a file of inputs.

    # Parameters

    name : one of `LINE_FORMATS`, the name of a corpus format, its settings, or "auto" to recognise
        it by the content; None tells it from the ending of the file: `.csv`, `.tsv`, endings of
        corpus formats such as `.bio`, folders of BRAT, or else lines, which are plain text if the
        file ends in `.txt`, or comes from stdin, and does not begin with a JSON object.
    encoding : encoding of the file.
    """

    name: str | Mapping[str, Any] | None = None
    encoding: str = UTF8

    def of(self, path: str | Path) -> str | Mapping[str, Any] | None:
        """Return the name of the format of a file; None for plain text or JSON Lines."""
        if self.name is not None:
            return self.name
        if str(path).startswith(HUB):
            return "huggingface"
        ending = Path(path).suffix.lower()
        if ending.removeprefix(".") in TABLES:
            return ending.removeprefix(".")
        if ending in ENDINGS:
            # Columns in any scheme are recognised.
            return AUTO
        return AUTO if Path(path).is_dir() else None


def read_inputs(path: str | Path, input_format: InputFormat) -> Iterator[RawInput]:
    """Yield the inputs of a file in their order.

    # Parameters

    path : the file, a folder of BRAT, `datasets://...`, or `-` for stdin.
    input_format : how to read it.

    # Raises

    DataError : if the file cannot be read, or is not in the format.
    """
    name = input_format.of(path)
    if name is not None and name not in LINE_FORMATS:
        return _annotated(path, name, input_format.encoding)
    encoding = canonical(input_format.encoding, "--encoding")
    if encoding == AUTO or not has_line_bytes(encoding):
        raise UserError(f"--encoding: {shown(encoding)} is not read line by line: convert the file")
    if isinstance(name, str) and name in TABLES:
        return rows(path, TABLES[name], encoding)
    return text_or_objects(path, name, encoding)


def _annotated(
    path: str | Path, name: str | Mapping[str, Any], encoding: str
) -> Iterator[RawInput]:
    """Yield the texts of an annotated file, which is held in memory, without its annotations."""
    if path == STDIN:
        with tempfile.TemporaryDirectory() as folder:
            # Formats are recognised by the beginning of a file, which is then read again.
            copied = Path(folder) / named(path)
            with copied.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield from _annotated(copied, name, encoding)
        return

    source, _, _ = source_of(str(path), name, "input_format")
    corpus = CorpusFile(str(path), canonical(encoding, "--encoding"))
    for number, sentence in enumerate(source.read(corpus), 1):
        yield RawInput(sentence.metadata.get("line", number), sentence.text, sentence.text)
    corpus.counts.log(str(path))
