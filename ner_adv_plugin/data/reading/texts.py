"""The texts of many sentences, held in memory or read from a memory-mapped file.

Shape suffixes: R sentences.
"""

import mmap
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Sentences read from a mapped file before its pages are released to the system: reading a single
# sentence may map 2 MB of the file. Released pages stay in the system's cache if memory permits.
SENTENCES_BEFORE_RELEASE = 8


class Texts(ABC):
    """Base class of the texts of R sentences.

    # Parameters

    lengths : `(R,)` number of characters of each sentence.
    """

    # Whether a text is read from its file on each access.
    streamed = False

    def __init__(self, lengths: NDArray[np.int32]) -> None:
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @abstractmethod
    def sentence(self, sentence: int) -> str:
        """Return the text of a sentence, given by its index."""


class HeldTexts(Texts):
    """Texts in memory.

    # Parameters

    text : all texts, concatenated.
    lengths : `(R,)` number of characters of each sentence.
    """

    def __init__(self, text: str, lengths: NDArray[np.int32]) -> None:
        super().__init__(lengths)
        self.text = text
        self._offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])

    def sentence(self, sentence: int) -> str:
        """See `Texts.sentence`."""
        return self.text[self._offsets[sentence] : self._offsets[sentence + 1]]


class MappedTexts(Texts):
    """Texts of whole lines of a file, which may be larger than memory.

    # Parameters

    path : the file, which must not change.
    starts : `(R,)` byte offset of each sentence.
    sizes : `(R,)` number of bytes of each sentence, including line breaks, which are not part of
        the text.
    lengths : `(R,)` number of characters of each sentence, without line breaks.
    errors : Python's name of the error handler for bytes that are not in the encoding.
    encoding : Python's name of the encoding.
    """

    streamed = True

    def __init__(
        self,
        path: Path,
        starts: NDArray[np.int64],
        sizes: NDArray[np.int32],
        lengths: NDArray[np.int32],
        errors: str = "strict",
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(lengths)
        self._starts = starts
        self._sizes = sizes
        self._errors = errors
        self._encoding = encoding
        self._sentences_read = 0
        with open(path, "rb") as file:
            # An empty file cannot be mapped; it has no sentences.
            self._map = (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if len(lengths) else None
            )

    def sentence(self, sentence: int) -> str:
        """See `Texts.sentence`."""
        assert self._map is not None
        start = int(self._starts[sentence])
        data = self._map[start : start + int(self._sizes[sentence])]

        self._sentences_read += 1
        if self._sentences_read % SENTENCES_BEFORE_RELEASE == 0 and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
        return data.decode(self._encoding, self._errors).replace("\r\n", "\n").replace("\n", "")
