"""Weibo named entities, second edition."""

from dataclasses import dataclass

from ner_adv_plugin.data.dataset_readers.conll import ConllReader
from ner_adv_plugin.data.dataset_readers.dataset_reader import DatasetReader

_DIGITS = "0123456789"
_REPLACEMENT = "\ufffd"


@DatasetReader.register("weibo")
@dataclass(kw_only=True)
class WeiboReader(ConllReader):
    """Reads Weibo NER: a character with its position in its word, a tab, a BIO tag. Registered as "weibo".

    The first Python character of a line is the character and the digits after it are the position, so that
    `110` is the character `1` at position 10. Two replacement characters on one line are one emoji whose
    halves were lost: one U+FFFD. Parameters as in `conll`. Corpus: Peng and Dredze 2015, second edition.
    """

    separator: str | None = "\t"

    def lines(self, file_path: str) -> list[str]:
        """The lines of a file, an emoji of two replacement characters made one."""
        return [line[1:] if line.startswith(2 * _REPLACEMENT) else line for line in super().lines(file_path)]

    def columns_after_character(self, rest: str) -> list[str] | None:
        after_position = rest.lstrip(_DIGITS)
        return super().columns_after_character(after_position) if after_position != rest else None

    def expected_line(self) -> str:
        return "one character, its position in its word in digits, then a tab"
