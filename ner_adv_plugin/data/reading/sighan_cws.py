"""Word segmentation corpora of the SIGHAN bake-offs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import tiling
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task

# Number of lines from which the separator is checked.
_SAMPLE_LINES = 1000
# A line that is a single word of more characters probably has another separator.
_LONG_WORD = 4
# In fewer lines, only much longer words are a sign of it.
_FEW_LINES = 20
_VERY_LONG_WORD = 12
_WORD_LINES_SHARE = 0.95
_SEPARATORS = (" ", "\t", "/", "|", "\u3000", "_", "-", ",", "\xa0")


@DatasetReader.register("sighan_cws")
@dataclass(kw_only=True)
class SighanCwsReader(DatasetReader):
    """Reads one segmented sentence per line, with words separated by one or more ASCII spaces.

    Registered as "sighan_cws". The text consists of the words without the spaces between them; a
    full-width space is an ordinary character. Lines without words are skipped. Words that have
    white space inside are counted.

    # Parameters

    separator : the text between two words, any number of times; null for any white space.

    # Raises

    DataError : if nearly all lines are one long word, so that the separator is another one.

    # Example

    ```jsonnet
    { type: 'sighan_cws', head: 'words', domain: 'news' }
    ```

    # Examples

    >>> table = SighanCwsReader().read("fixtures/data/pku/pku_test_gold.utf8")
    >>> [table[0].text[word.start : word.end] for word in table[0].spans[:3]]
    ['两国', '法官', '还']
    """

    task: Task = field(default="segmentation", init=False)

    cacheable = True

    separator: str | None = " "

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.separator == "":
            raise ConfigurationError('found "": expected a separator or null', "separator")

    def _read(self, file_path: str) -> Iterator[Instance]:
        lines = self.lines(file_path)
        self._check_separator(lines, file_path)
        for number, line in enumerate(lines, start=1):
            words = _words(line, self.separator)
            if not words:
                continue
            text = "".join(words)
            if text.split() != [text]:
                inside = sum(len(word) > 1 and word.split() != [word] for word in words)
                self.count(file_path, "words with white space inside", number, inside)
            yield self.text_to_instance(text, tiling(map(len, words)), number)

    def _check_separator(self, lines: list[str], file_path: str) -> None:
        """Raise a `DataError` if nearly all of the first lines are one long word."""
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        sample = list(islice(numbered, _SAMPLE_LINES))
        long = _LONG_WORD if len(sample) >= _FEW_LINES else _VERY_LONG_WORD
        single = [
            (number, line)
            for number, line in sample
            if len(words := _words(line, self.separator)) == 1 and len(words[0]) > long
        ]
        if not single or len(single) < _WORD_LINES_SHARE * len(sample):
            return

        with_separator = {
            separator: sum(len(_words(line, separator)) > 1 for _, line in single)
            for separator in _SEPARATORS
            if separator != self.separator
        }
        likely = max(with_separator, key=with_separator.__getitem__)
        is_likely = with_separator[likely] >= len(single) / 2
        if not is_likely and len(sample) < _FEW_LINES:
            return
        hint = f", set separator: {likely!r}" if is_likely else ""
        parting = "white space" if self.separator is None else repr(self.separator)
        expected = (
            f"words parted by {parting}: {len(single)} of {len(sample)} lines are a "
            f"single word{hint}"
        )
        raise DataError(file_path, *single[0], expected)


def _words(line: str, separator: str | None) -> list[str]:
    return [word for word in line.split(separator) if word]
