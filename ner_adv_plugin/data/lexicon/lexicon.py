"""A lexicon: words with rows of an embedding, typed words, and their matches in texts.

Shape suffixes: M matches.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.data.lexicon.matching import automaton_of, found_in

# Rows of the embedding: of an empty word set, and of all words without a row of their own.
NONE_ROW = 0
UNKNOWN_ROW = 1
WORDS_FILE, TYPES_FILE, SIZES_FILE = "words.jsonl", "types.jsonl", "sizes.jsonl"


class Lexicon:
    """Words with frequencies and rows of an embedding, and words with types.

    # Parameters

    frequencies : frequency of every word, 1 or more.
    known : the words with a row of their own, in the order of their rows from 2; all others share
        the row of unknown words.
    typed : words with types; a word may have several.
    embedding_dim : size of an embedding.

    # Examples

    >>> lexicon = Lexicon({"长江": 3, "长江大桥": 1}, ["长江"], [("长江", "LOC")])
    >>> lexicon.matches("过长江大桥").tolist()
    [[1, 3, 2, 3], [1, 5, 1, 1]]
    >>> lexicon.typed_matches("过长江大桥").tolist()
    [[1, 3, 0]]
    """

    def __init__(
        self,
        frequencies: Mapping[str, int],
        known: Iterable[str] = (),
        typed: Iterable[tuple[str, str]] = (),
        embedding_dim: int = 50,
    ) -> None:
        self.embedding_dim = embedding_dim
        self.frequencies = dict(frequencies)
        self.known = {word: row for row, word in enumerate(known, UNKNOWN_ROW + 1)}
        self.typed: dict[str, list[str]] = {}
        for word, name in typed:
            self.typed.setdefault(word, []).append(name)
        self.types = sorted({name for names in self.typed.values() for name in names})
        self._words_of: Any = None
        self._types_of: Any = None

    @property
    def rows(self) -> int:
        """Number of rows of the embedding."""
        return len(self.known) + UNKNOWN_ROW + 1

    def matches(self, text: str) -> NDArray[np.int32]:
        """Find all words in a text, overlapping ones too.

        # Returns

        Start, end, row and frequency of each match, (M, 4), in the order of starts and ends.
        """
        if self._words_of is None:
            self._words_of = automaton_of(
                (word, [(self.known.get(word, UNKNOWN_ROW), frequency)])
                for word, frequency in self.frequencies.items()
            )
        return found_in(self._words_of, text, 4)

    def typed_matches(self, text: str) -> NDArray[np.int32]:
        """Find all typed words in a text.

        # Returns

        Start, end and index of the type of each match, (M, 3), in the order of starts and ends.
        """
        if self._types_of is None:
            index = {name: i for i, name in enumerate(self.types)}
            self._types_of = automaton_of(
                (word, [(index[name],) for name in sorted(set(names))])
                for word, names in self.typed.items()
            )
        return found_in(self._types_of, text, 3)

    def add(self, path: str | Path) -> None:
        """Add the words of a user's list, which share the row of unknown words.

        # Parameters

        path : a gazetteer, whose types must be known, or else a word list. A word without a
            frequency gets the mean of the lexicon's, and a word that is known stays as it is.

        # Raises

        UserError : the model has no typed words, or none without types, or not one of the types.
        """
        # Imported late: prediction without torch has no word lists.
        from ner_adv_plugin.data.lexicon.word_lists import is_gazetteer, read_gazetteer, read_words

        if is_gazetteer(path):
            pairs = read_gazetteer(path)
            if not self.types:
                raise UserError(f"{path} has types, but the model was trained without gazetteers")
            for word, name in pairs:
                if name not in self.types:
                    hint, known = nearest(name, self.types), ", ".join(self.types)
                    raise UserError(f'{path}: unknown type "{name}" ({word}).{hint} Types: {known}')
            for word, name in pairs:
                self.typed.setdefault(word, []).append(name)
            self._types_of = None
            return

        words = read_words(path)
        if not self.frequencies:
            raise UserError(
                f"{path} has no types, but the model was trained with gazetteers alone: expected a "
                "word, a tab and a type in every line"
            )
        mean = max(1, round(float(np.mean(list(self.frequencies.values())))))
        for word, frequency in words.items():
            self.frequencies.setdefault(word, frequency or mean)
        self._words_of = None

    def save(self, folder: Path) -> None:
        """Write the lexicon to a folder, which is created if missing."""
        folder.mkdir(parents=True, exist_ok=True)
        words = [
            [word, frequency, self.known.get(word, UNKNOWN_ROW)]
            for word, frequency in self.frequencies.items()
        ]
        pairs = [[word, name] for word, names in self.typed.items() for name in names]
        sizes = [{"embedding_dim": self.embedding_dim}]
        for name, rows in ((WORDS_FILE, words), (TYPES_FILE, pairs), (SIZES_FILE, sizes)):
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / name).write_bytes(lines.encode("utf-8", "surrogatepass"))

    @classmethod
    def load(cls, folder: Path) -> "Lexicon":
        """Read a lexicon that `save` wrote.

        # Raises

        ConfigurationError : a file is missing or damaged.
        """
        try:
            words = [(str(word), int(n), int(row)) for word, n, row in _rows(folder, WORDS_FILE)]
            typed = [(str(word), str(name)) for word, name in _rows(folder, TYPES_FILE)]
            known = sorted((row, word) for word, _, row in words if row != UNKNOWN_ROW)
            if [row for row, _ in known] != list(range(2, len(known) + 2)):
                raise ValueError(f"{WORDS_FILE}: the rows of words are not 2, 3, ...")
            size = int(_rows(folder, SIZES_FILE)[0]["embedding_dim"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ConfigurationError(f"its lexicon cannot be read: {error}") from error
        frequencies = {word: count for word, count, _ in words}
        return cls(frequencies, (word for _, word in known), typed, size)


def _rows(folder: Path, name: str) -> list[Any]:
    """Read a file of one JSON value per line; a word may hold any character."""
    text = (folder / name).read_bytes().decode("utf-8", "surrogatepass")
    return [json.loads(line) for line in text.split("\n") if line]
