"""Sentences of plain text lines in a memory-mapped file.

Shape suffixes: P lines of a chunk of the file, F those of them that are not empty.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.reading.decoding import check_encoding, decode, report_undecodable
from ner_adv_plugin.data.reading.instance_table import Columns, InstanceTable
from ner_adv_plugin.data.reading.lines import read_lines
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.text_encoding import (
    SAMPLE_BYTES,
    UTF8,
    canonical,
    has_line_bytes,
    resolve,
)
from ner_adv_plugin.data.reading.texts import HeldTexts, MappedTexts

Number = TypeVar("Number", np.int32, np.int64)
# Number of bytes that are scanned at a time.
CHUNK_BYTES = 1 << 20


def map_lines(
    file_path: str,
    lines_per_sentence: int = 1,
    errors: str = "strict",
    encoding: str = UTF8,
    counts: ReadingCounts | None = None,
) -> InstanceTable:
    """Index the sentences of a plain text file without reading it into memory.

    The file is scanned once in chunks; only the offsets and lengths of sentences are kept. Lines
    end as in `read_lines`. Only a file in an encoding such as UTF-16, in which a line break is not
    the byte of ASCII, is read into memory.

    # Parameters

    file_path : a path or a URL.
    lines_per_sentence : number of consecutive lines in a sentence; the last sentence before an
        empty line or the end of the file may have fewer.
    errors, encoding, counts : see `read_text`.

    # Returns

    A table of unlabelled sentences whose texts are read on access.

    # Raises

    DataError : see `read_text`.
    """
    path = local_path(file_path)
    undecodable: list[int] = []
    with open(path, "rb") as file:
        sample = file.read(SAMPLE_BYTES)
        codec, mark = resolve(canonical(encoding), sample)
        if not has_line_bytes(codec):
            return _held(read_lines(file_path, errors, encoding, counts), lines_per_sentence)

        check_encoding(file_path, sample[mark:], codec)
        file.seek(mark)
        index = _SentenceIndex(lines_per_sentence, mark)
        while lines := file.readlines(CHUNK_BYTES):
            text, in_chunk = decode(b"".join(lines), errors, file_path, index.next_line, codec)
            undecodable += in_chunk
            # The empty string after a final line break is not a line.
            decoded = text.replace("\r\n", "\n").split("\n")[: len(lines)]
            index.add(_lengths(lines), _lengths(decoded))

    found = ReadingCounts() if counts is None else counts
    report_undecodable(
        file_path, undecodable, index.next_line - 1, sample[mark:], errors, codec, found
    )
    if counts is None:
        found.log(file_path)
    texts = MappedTexts(
        path, _joined(index.starts), _joined(index.sizes), _joined(index.lengths), errors, codec
    )
    return InstanceTable(Columns(texts, _joined(index.lines)))


def _held(lines: list[str], lines_per_sentence: int) -> InstanceTable:
    """Group lines in memory into sentences; see `map_lines`."""
    texts: list[list[str]] = []
    numbers: list[int] = []
    continues = False
    for number, line in enumerate(lines, 1):
        if line and (not continues or len(texts[-1]) == lines_per_sentence):
            texts.append([])
            numbers.append(number)
        if line:
            texts[-1].append(line)
        continues = bool(line)

    joined = ["".join(own) for own in texts]
    held = HeldTexts("".join(joined), _lengths(joined))
    return InstanceTable(Columns(held, np.array(numbers, np.int32)))


def _lengths(lines: Sequence[str | bytes]) -> NDArray[np.int32]:
    return np.fromiter(map(len, lines), np.int32, len(lines))


def _joined(chunks: list[NDArray[Number]]) -> NDArray[Number]:
    """Concatenate arrays and clear the list to free their memory."""
    joined = np.concatenate(chunks)
    chunks.clear()
    return joined


class _SentenceIndex:
    """Groups the lines of a file into sentences, chunk by chunk.

    The attributes `starts`, `sizes` and `lengths` are lists of chunks of the arrays of
    `MappedTexts`, and `lines` of that of `Columns`; `next_line` is the number of the next line.

    # Parameters

    lines_per_sentence : maximum number of lines in a sentence.
    position : byte offset of the first line.
    """

    def __init__(self, lines_per_sentence: int, position: int) -> None:
        self.starts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self.sizes: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        self.lengths: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        self.lines: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        self.next_line = 1
        self._lines_per_sentence = lines_per_sentence
        self._position = position
        self._lines_in_block = 0  # since the last empty line

    def add(self, sizes_P: NDArray[np.int32], lengths_P: NDArray[np.int32]) -> None:
        """Add the lines of the next chunk.

        # Parameters

        sizes_P : number of bytes of each line, including its line break.
        lengths_P : number of characters of each line, without its line break.
        """
        ends_P = self._position + np.cumsum(sizes_P, dtype=np.int64)
        full_F = np.flatnonzero(lengths_P)
        index_in_block_F = self._index_in_block(full_F)
        first = np.flatnonzero(index_in_block_F % self._lines_per_sentence == 0)

        # Lines that belong to the last sentence of the previous chunk.
        continued = full_F[: first[0] if len(first) else len(full_F)]
        if len(continued):
            self.sizes[-1][-1] += sizes_P[continued].sum()
            self.lengths[-1][-1] += lengths_P[continued].sum()

        if len(first):
            self.starts.append(ends_P[full_F[first]] - sizes_P[full_F[first]])
            self.sizes.append(np.add.reduceat(sizes_P[full_F], first, dtype=np.int32))
            self.lengths.append(np.add.reduceat(lengths_P[full_F], first, dtype=np.int32))
            self.lines.append((self.next_line + full_F[first]).astype(np.int32))

        block_is_open = len(full_F) and full_F[-1] == len(lengths_P) - 1
        self._lines_in_block = int(index_in_block_F[-1]) + 1 if block_is_open else 0
        self._position = int(ends_P[-1])
        self.next_line += len(lengths_P)

    def _index_in_block(self, full_F: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of each non-empty line within its block of consecutive ones.

        # Parameters

        full_F : indices of the chunk's non-empty lines.
        """
        order_F = np.arange(len(full_F))
        begins_F = np.diff(full_F, prepend=-1 if self._lines_in_block else -2) != 1
        index_F = order_F - np.maximum.accumulate(np.where(begins_F, order_F, 0))

        # The first block of the chunk may continue the last one of the previous chunk.
        in_new_block_F = np.logical_or.accumulate(begins_F)
        return np.where(in_new_block_F, index_F, index_F + self._lines_in_block)
