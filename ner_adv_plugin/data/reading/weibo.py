"""Weibo named entities and words, second edition."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import tiling
from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.reading.lines import blocks

_DIGITS = "0123456789"


@DatasetReader.register("weibo")
@dataclass(kw_only=True)
class WeiboReader(ConllReader):
    """Reads Weibo NER: a character with its position in its word, a tab, a BIO tag. Registered as "weibo".

    The first Python character of a line is the character and the digits after it are the position, so that
    `110` is the character `1` at position 10. Other parameters as in `conll`, which reads the first edition:
    it has no positions, and bytes that are not UTF-8 (`separator: "\\t", encoding_errors: "replace"`).
    Corpus: Peng and Dredze 2015, second edition.

    # Parameters

    task : "ner" for the entities; "segmentation" for the words, which the positions give: 0 begins a word, any
        other goes on with it. A position that is not one more than the one before is what `illegal_tags` is
        about: "repair" counts it. For both, name two datasets of the same file, with a reader each.
    """

    separator: str | None = "\t"
    task: Task = "ner"

    def columns_after_character(self, rest: str) -> list[str] | None:
        after_position = rest.lstrip(_DIGITS)
        return super().columns_after_character(after_position) if after_position != rest else None

    def expected_line(self) -> str:
        return "one character, its position in its word in digits, then a tab"

    def _read(self, file_path: str) -> Iterator[Instance]:
        return (
            self._read_words(file_path) if self.task == "segmentation" else super()._read(file_path)
        )

    def _read_words(self, file_path: str) -> Iterator[Instance]:
        self.repaired[file_path], self.illegal_sentences[file_path] = 0, {}
        for first, sentence in blocks(self.text(file_path)):
            positions = self._positions(sentence, first, file_path)
            begins = [
                0,
                *(place for place, position in enumerate(positions) if place and not position),
            ]
            words = tiling(end - start for start, end in pairwise([*begins, len(sentence)]))
            yield self.text_to_instance("".join(line[0] for line in sentence), words, first)

    def _positions(self, sentence: list[str], first: int, file_path: str) -> list[int]:
        """The position of every character in its word."""
        positions: list[int] = []
        for number, line in enumerate(sentence, start=first):
            if not self.columns_after_character(line[1:]):
                raise DataError(file_path, number, line, self.expected_line())
            rest = line[1:]
            position = int(rest[: len(rest) - len(rest.lstrip(_DIGITS))])
            following = positions[-1] + 1 if positions else 0
            if position not in (0, following):
                if self.illegal_tags == "error":
                    expected = (
                        f"position {following}, or 0 where a word begins"
                        if positions
                        else "position 0"
                    )
                    raise DataError(file_path, number, line, expected)
                self.repaired[file_path] += 1
                self.illegal_sentences[file_path][first] = (
                    self.illegal_sentences[file_path].get(first, 0) + 1
                )
            positions.append(position)
        return positions
