"""Sentences of plain text lines, left in their file."""

import codecs
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.reading.instance_table import Columns, InstanceTable
from ner_adv_plugin.data.reading.lines import decode, say_touched
from ner_adv_plugin.data.reading.texts import MappedTexts

Number = TypeVar("Number", np.int32, np.int64)
# Bytes looked at together.
BYTES_OF_PART = 1 << 20


def map_lines(file_path: str, lines_per_sentence: int = 1, errors: str = "strict") -> InstanceTable:
    """Sentences of so many lines on end, or of fewer before an empty line and at the end of the file; none has tags.

    The file is read once, part by part; what is kept is where sentences begin and how long they are. Lines end as in
    `read_lines`.

    # Parameters

    file_path : a path or a URL.
    lines_per_sentence : lines of a sentence at most.
    errors : Python's name of what to do with bytes that are not UTF-8; what it touches is logged.

    Raises `DataError` with the line where the bytes are not UTF-8 and `errors` is "strict".
    """
    path = local_path(file_path)
    touched: list[int] = []
    with open(path, "rb") as file:
        mark = len(codecs.BOM_UTF8) if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0
        file.seek(mark)
        sentences = _Sentences(lines_per_sentence, mark)
        while lines := file.readlines(BYTES_OF_PART):
            text, touched_here = decode(b"".join(lines), errors, file_path, sentences.number)
            touched += touched_here
            # After the last line break there is nothing, which is no line.
            decoded = text.replace("\r\n", "\n").split("\n")[: len(lines)]
            sentences.add(_lengths(lines), _lengths(decoded))
    say_touched(file_path, touched, errors)
    texts = MappedTexts(
        path, _whole(sentences.starts), _whole(sentences.sizes), _whole(sentences.lengths), errors
    )
    return InstanceTable(Columns(texts, _whole(sentences.lines)))


def _lengths(lines: Sequence[str | bytes]) -> NDArray[np.int32]:
    return np.fromiter(map(len, lines), np.int32, len(lines))


def _whole(parts: list[NDArray[Number]]) -> NDArray[Number]:
    """The parts as one, which are not kept beside it."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


class _Sentences:
    """Lays lines into sentences, a part of the file after the other.

    # Parameters

    lines_per_sentence : lines of a sentence at most.
    position : the byte at which the first line begins.

    `starts`, `sizes`, `lengths` and `lines` are those of `MappedTexts` and `Columns`, in parts.
    """

    def __init__(self, lines_per_sentence: int, position: int) -> None:
        self.starts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self.sizes: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        self.lengths: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        self.lines: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        self.number = 1
        self._lines_per_sentence = lines_per_sentence
        self._position = position
        # Lines since the last empty one.
        self._run = 0

    def add(self, sizes: NDArray[np.int32], lengths: NDArray[np.int32]) -> None:
        """Take lines: their bytes with line breaks, their characters without."""
        ends = self._position + np.cumsum(sizes, dtype=np.int64)
        full = np.flatnonzero(lengths)
        places = self._places(full)
        first = np.flatnonzero(places % self._lines_per_sentence == 0)
        going_on = full[: first[0] if len(first) else len(full)]
        if len(going_on):
            self.sizes[-1][-1] += sizes[going_on].sum()
            self.lengths[-1][-1] += lengths[going_on].sum()
        if len(first):
            self.starts.append(ends[full[first]] - sizes[full[first]])
            self.sizes.append(np.add.reduceat(sizes[full], first, dtype=np.int32))
            self.lengths.append(np.add.reduceat(lengths[full], first, dtype=np.int32))
            self.lines.append((self.number + full[first]).astype(np.int32))
        self._run = int(places[-1]) + 1 if len(full) and full[-1] == len(lengths) - 1 else 0
        self._position = int(ends[-1])
        self.number += len(lengths)

    def _places(self, full: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each line that is not empty among those on end with it."""
        order = np.arange(len(full))
        begins = np.diff(full, prepend=-1 if self._run else -2) != 1
        places = order - np.maximum.accumulate(np.where(begins, order, 0))
        # The first may go on with a run of the part before.
        return np.where(np.logical_or.accumulate(begins), places, places + self._run)
