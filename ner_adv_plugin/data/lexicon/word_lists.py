"""Word lists: from text files, and from the words or entities of a corpus."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, DataError, nearest_file
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.utf8_lines import utf8_lines

# Frequencies by word; 0 if a list gives none.
Frequencies = Mapping[str, int]
MOST_FREQUENT = 2**31 - 1


class WordList(Registrable):
    """Base class of word lists of a lexicon; see the encoder "lexicon"."""

    default_implementation = "file"

    def words(self) -> Frequencies:
        """Read the words with their frequencies, 0 if unknown.

        # Raises

        DataError : with file and line, if a line is not in the format.
        """
        raise NotImplementedError


@WordList.register("file")
class FileWords(WordList):
    """Words of a UTF-8 text file, one a line, each with or without its frequency.

    Registered as "file", the default. White space parts the word from its frequency; what follows
    is ignored, so that the dictionary of jieba (word, frequency, part of speech) can be read. A
    word that contains a space needs a tab before its frequency.

    # Parameters

    path : path or URL of the file.

    # Example

    ```jsonnet
    { type: 'file', path: 'fixtures/data/lexicon/words.txt' }
    ```

    # Examples

    >>> FileWords("fixtures/data/lexicon/words.txt").words()["北京"]
    120
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the file exists."""
        if context.run is not None:
            check_list(settings["path"], "path")

    def words(self) -> Frequencies:
        """See `WordList.words`."""
        return read_words(self.path)


@WordList.register("corpus")
class CorpusWords(WordList):
    """Words of a segmentation corpus, or entities of a corpus of entities, with their counts.

    Registered as "corpus".

    # Parameters

    reader : reader of the corpus.
    path : path or URL of its file.

    # Example

    ```jsonnet
    { type: 'corpus', reader: 'sighan_cws', path: 'fixtures/data/sxu/train.utf8' }
    ```

    # Examples

    >>> from ner_adv_plugin.data.reading import SighanCwsReader
    >>> words = CorpusWords(SighanCwsReader(), "fixtures/data/sxu/train.utf8").words()
    >>> words["北京"] > 0
    True
    """

    def __init__(self, reader: DatasetReader, path: str) -> None:
        self.reader = reader
        self.path = path

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the file exists."""
        if context.run is not None:
            check_list(settings["path"], "path")

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """See `Registrable.files_read`: what the reader reads beside the corpus."""
        reader: DatasetReader = DatasetReader.from_params(settings["reader"])
        return {file.suffix[1:]: str(file) for file in reader.files_beside(settings["path"])}

    def words(self) -> Frequencies:
        """See `WordList.words`."""
        counts: Counter[str] = Counter()
        for instance in self.reader.read(self.path):
            text = self.reader.shown(instance.text)
            counts.update(text[span.start : span.end] for span in instance.spans or ())
        return counts


def check_list(path: str, key: str) -> None:
    """Check that the file of a list exists; a URL is not checked.

    # Parameters

    path : the file.
    key : config key that names it.

    # Raises

    ConfigurationError : at `key`, with the nearest file, if there is none.
    """
    if not is_url(path) and not Path(path).is_file():
        raise ConfigurationError(f'no such file "{path}".{nearest_file(Path(path))}', key)


def read_words(path: str | Path) -> Frequencies:
    """Read a word list, one word a line, each with or without its frequency.

    # Parameters

    path : path or URL of the file; see `FileWords`.

    # Returns

    The frequency of each word, 0 if there is none; of a word that occurs twice, the sum.

    # Raises

    DataError : if the file is not UTF-8, or what follows a word is not a frequency.
    """
    words: dict[str, int] = {}
    for number, line in utf8_lines(path):
        fields = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue

        word = fields[0].strip()
        count = fields[1].strip() if len(fields) > 1 else "0"
        if not (word and count.isdecimal() and count.isascii()):
            expected = "a word, or a word and its frequency, a whole number"
            raise DataError(path, number, line, expected)
        words[word] = min(words.get(word, 0) + int(count), MOST_FREQUENT)
    return words


def read_gazetteer(path: str | Path) -> list[tuple[str, str]]:
    """Read a gazetteer: a word, a tab and its type in every line.

    # Parameters

    path : path or URL of the file.

    # Returns

    Words and types, each pair once, in the order of the file.

    # Raises

    DataError : if the file is not UTF-8, or a line is not a word, a tab and a type.
    """
    pairs: dict[tuple[str, str], None] = {}
    for number, line in utf8_lines(path):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 2 or not all(fields):
            raise DataError(path, number, line, "a word, a tab and its type, such as 北京<TAB>LOC")
        pairs[fields[0], fields[1]] = None
    return list(pairs)


def is_gazetteer(path: str | Path) -> bool:
    """Whether the first line that is not blank has a type, not a frequency, after a tab."""
    for _, line in utf8_lines(path):
        if line.strip():
            _, tab, rest = line.partition("\t")
            return bool(tab) and not rest.partition("\t")[0].strip().isdecimal()
    return False
