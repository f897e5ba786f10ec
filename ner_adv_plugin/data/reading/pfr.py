"""PFR People's Daily corpus: words with their parts of speech."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.overlaps import Overlaps
from ner_adv_plugin.data.reading.record_reader import RecordReader

_TYPES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
_PARAGRAPH = re.compile(r" *\d{8}-\d\d-\d{3}-\d{3}/m(?= |$)")
# Opening brackets, a word, its part of speech, and closing brackets with their parts of speech.
_ITEM = re.compile(r"(\[*)(.+)/([A-Za-z]+)((?:\][A-Za-z]+)*)")
_COMPOUND_SURNAMES = frozenset(
    [
        "欧阳",
        "司马",
        "诸葛",
        "上官",
        "司徒",
        "司空",
        "东方",
        "独孤",
        "南宫",
        "夏侯",
        "尉迟",
        "皇甫",
        "公孙",
        "慕容",
        "钟离",
        "长孙",
        "宇文",
        "令狐",
        "轩辕",
        "百里",
        "呼延",
        "端木",
        "闻人",
        "澹台",
        "鲜于",
        "拓跋",
        "赫连",
        "申屠",
        "太史",
        "濮阳",
        "东郭",
        "西门",
    ]
)


@dataclass(slots=True)
class _Sentence:
    """The parsed words of a line.

    # Parameters

    words : the words.
    parts_of_speech : part of speech of each word.
    brackets : number of opening and closing brackets before each word.
    compounds : spans of the bracketed compounds, with their parts of speech as types.
    """

    words: list[str] = field(default_factory=list)
    parts_of_speech: list[str] = field(default_factory=list)
    brackets: list[int] = field(default_factory=list)
    compounds: list[Span] = field(default_factory=list)


@DatasetReader.register("pfr")
@dataclass(kw_only=True)
class PfrReader(EntityReader, RecordReader):
    """Reads one sentence per line as `word/pos` items, separated by one or more ASCII spaces.

    Registered as "pfr". The text consists of the words without the spaces between them. A word may
    contain `/`: the last one separates it from its part of speech. The number of a paragraph
    (`19980101-01-001-001/m`) at the beginning of a line is skipped, as are lines without words.

    Entities are the words with part of speech nr (PER), ns (LOC) or nt (ORG), and compounds of
    these parts of speech, such as `[中央/n  电视台/n]nt`. Entities inside a compound are dropped
    unless `overlaps` says otherwise.

    The corpus splits a person's name into surname and given name (`江/nr  泽民/nr`), and names may
    be adjacent. In a sequence of nr words, a word of one character or a compound surname such as
    欧阳 is therefore joined with the next word, which cannot begin a name itself. A sequence of two
    words of one character and one of two characters is a single name with two surnames
    (`陈/nr  方/nr  安生/nr`). Every other nr word is a name by itself. Adjacent ns and nt words are
    separate entities.

    Source: Institute of Computational Linguistics, Peking University, January 1998.

    # Parameters

    task : "ner" for the entities, "segmentation" for the words. To train on both, configure two
        datasets with a reader each for the same file.
    overlaps : see `DatasetReader`; "keep" yields entities nested in compounds.

    # Raises

    DataError : if a word has no part of speech, or brackets do not match.

    # Example

    ```jsonnet
    { type: 'pfr', task: 'segmentation', head: 'words', domain: 'news' }
    ```

    # Examples

    >>> table = PfrReader().read("fixtures/data/pfr/199801.txt")
    >>> [(span.type, table[1].text[span.start : span.end]) for span in table[1].spans]
    [('LOC', '昆明'), ('LOC', '云台广场')]
    """

    cacheable = True

    task: Task = "ner"
    overlaps: Overlaps = "outermost"

    def _read(self, file_path: str) -> Iterator[Instance]:
        items: dict[str, re.Match[str]] = {}
        lines = self.lines(file_path)
        bad = self.bad_records(file_path, sum(not line.isspace() for line in lines if line))
        for number, line in enumerate(lines, start=1):
            sentence = bad.attempt(_parse, line, number, file_path, items)
            if sentence is None or not sentence.words:
                continue

            if self.task == "segmentation":
                spans = tiling(map(len, sentence.words))
            else:
                spans = self.map_types(_entities(sentence))
            yield self.text_to_instance("".join(sentence.words), spans, number)


def _parse(line: str, number: int, file_path: str, items: dict[str, re.Match[str]]) -> _Sentence:
    """Parse a line.

    # Parameters

    line : the line, without its line break.
    number : its 1-based number.
    file_path : path of the file, for error messages.
    items : cache of the parsed items of a file.
    """
    sentence = _Sentence()
    open_at: list[int] = []  # position of every bracket that is not closed yet
    position = brackets = 0
    paragraph = _PARAGRAPH.match(line)

    for item in line[paragraph.end() if paragraph else 0 :].split(" "):
        if not item:
            continue
        match = items.get(item) or _ITEM.fullmatch(item)
        if match is None:
            raise DataError(file_path, number, item, "word/pos")

        opening, word, part_of_speech, closing = items.setdefault(item, match).groups()
        open_at += [position] * len(opening)
        brackets += len(opening)
        sentence.words.append(word)
        sentence.parts_of_speech.append(part_of_speech)
        sentence.brackets.append(brackets)
        position += len(word)

        for compound in closing.split("]")[1:]:
            if not open_at:
                raise DataError(file_path, number, item, "a [ before every ]")
            sentence.compounds.append(Span(open_at.pop(), position, compound))
            brackets += 1

    if open_at:
        raise DataError(file_path, number, line, "a ] after every [")
    return sentence


def _entities(sentence: _Sentence) -> list[Span]:
    """Return the entities of a sentence; those inside a compound are nested in its span."""
    spans = [
        Span(span.start, span.end, _TYPES[span.type])
        for span in sentence.compounds
        if span.type in _TYPES
    ]
    position = 0
    words = zip(sentence.words, sentence.parts_of_speech, sentence.brackets, strict=True)

    # A name does not extend across a bracket.
    for (part_of_speech, _), group in groupby(words, key=itemgetter(1, 2)):
        texts = [word for word, _, _ in group]
        for length in _lengths_of_names(texts) if part_of_speech == "nr" else map(len, texts):
            if part_of_speech in _TYPES:
                spans.append(Span(position, position + length, _TYPES[part_of_speech]))
            position += length
    return spans


def _lengths_of_names(words: list[str]) -> list[int]:
    """Return the number of characters of each name in a sequence of nr words."""
    if [len(word) for word in words] == [1, 1, 2]:
        return [4]

    lengths: list[int] = []
    after_surname = False
    for word in words:
        if after_surname:
            lengths[-1] += len(word)
        else:
            lengths.append(len(word))
        after_surname = not after_surname and (len(word) == 1 or word in _COMPOUND_SURNAMES)
    return lengths
