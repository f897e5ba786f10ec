"""Weibo named entities and words, second edition."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import tiling
from ner_adv_plugin.data.reading.conll import ConllReader, warn_of_one_sentence
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.reading.lines import blocks

_DIGITS = "0123456789"


@DatasetReader.register("weibo")
@dataclass(kw_only=True)
class WeiboReader(ConllReader):
    r"""Reads Weibo NER: per line a character with its position in its word, a tab and a BIO tag.

    Registered as "weibo". The first Python character of a line is the character and the digits
    after it are its position, so that `110` is the character `1` at position 10. Has the parameters
    of `conll`, which reads the first edition of the corpus: that one has no positions, but bytes
    that are not UTF-8 (`separator: '\t', encoding_errors: 'replace'`).

    Source: Peng & Dredze 2015, second edition.

    # Parameters

    task : "ner" for the entities; "segmentation" for the words, which are derived from the
        positions: 0 begins a word, any other position continues it. `illegal_tags` applies to
        positions that do not follow the previous one: "repair" counts them, "error" raises an
        error. To train on both, configure two datasets with a reader each for the same file.

    # Example

    ```jsonnet
    { type: 'weibo', domain: 'social', type_map: { 'PER.NAM': 'PER', 'PER.NOM': null } }
    ```

    # Examples

    >>> table = WeiboReader().read("fixtures/data/weibo/weiboNER_2nd_conll.dev")
    >>> [(span.type, table[1].text[span.start : span.end]) for span in table[1].spans]
    [('PER.NAM', '阿勇'), ('PER.NAM', '魏哥')]
    """

    separator: str | None = "\t"
    task: Task = "ner"

    def columns_after_character(self, rest: str) -> list[str] | None:
        """Split the columns after the position; None if there is no position or no separator."""
        after_position = rest.lstrip(_DIGITS)
        return super().columns_after_character(after_position) if after_position != rest else None

    def expected_line(self) -> str:
        """See `ConllReader.expected_line`."""
        return "one character, its position in its word in digits, then a tab"

    def _read(self, file_path: str) -> Iterator[Instance]:
        if self.task == "segmentation":
            return self._read_words(file_path)
        return super()._read(file_path)

    def _read_words(self, file_path: str) -> Iterator[Instance]:
        self.repaired[file_path] = 0
        self.illegal_sentences[file_path] = {}
        sentences = list(self._sentences(file_path))
        bad = self.bad_records(file_path, len(sentences))
        warn_of_one_sentence(file_path, len(sentences), len(sentences[-1][1]) if sentences else 0)
        for first, lines in sentences:
            positions = bad.attempt(self._positions, lines, first, file_path)
            if positions is None:
                continue
            inner = (i for i, position in enumerate(positions) if i and not position)
            edges = [0, *inner, len(lines)]
            words = tiling(end - start for start, end in pairwise(edges))
            yield self.text_to_instance("".join(line[0] for line in lines), words, first)

    def _sentences(self, file_path: str) -> Iterator[tuple[int, list[str]]]:
        """Yield each sentence's first line number and lines; lines of white space part them."""
        for first, lines in blocks(self.text(file_path)):
            start = 0
            for index, line in enumerate(lines):
                if line.isspace():
                    self.count(file_path, "blank lines of white space", first + index)
                    if start < index:
                        yield first + start, lines[start:index]
                    start = index + 1
            if start < len(lines):
                yield first + start, lines[start:]

    def _positions(self, lines: list[str], first: int, file_path: str) -> list[int]:
        """Return the position of every character in its word."""
        positions: list[int] = []
        for number, line in enumerate(lines, start=first):
            rest = line[1:]
            if not self.columns_after_character(rest):
                raise DataError(file_path, number, line, self.expected_line())

            positions.append(int(rest[: len(rest) - len(rest.lstrip(_DIGITS))]))

        for index, position in enumerate(positions):
            following = positions[index - 1] + 1 if index else 0
            if position not in (0, following):
                self._handle_illegal(file_path, first, first + index, lines[index], following)
        return positions

    def _handle_illegal(
        self, file_path: str, first: int, number: int, line: str, following: int
    ) -> None:
        """Count a position that is neither 0 nor `following`, or raise a `DataError`."""
        if self.illegal_tags == "error":
            expected = f"position {following}, or 0 to begin a word" if following else "position 0"
            raise DataError(file_path, number, line, expected)

        self.repaired[file_path] += 1
        note = " treated as inside their word"
        self.count(file_path, "illegal positions", number, note=note)
        illegal = self.illegal_sentences[file_path]
        illegal[first] = illegal.get(first, 0) + 1
