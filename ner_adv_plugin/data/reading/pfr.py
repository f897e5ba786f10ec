"""PFR People's Daily corpus: words with their part of speech."""

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
from ner_adv_plugin.data.reading.lines import read_lines
from ner_adv_plugin.data.reading.overlaps import Overlaps

_TYPES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
_PARAGRAPH = re.compile(r" *\d{8}-\d\d-\d{3}-\d{3}/m(?= |$)")
# Brackets that open before a word, the word, its part of speech, brackets that close after it.
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
    """The words of a sentence.

    # Parameters

    words, parts_of_speech : of each word.
    brackets : how many brackets stand before each word.
    compounds : what stands in brackets, with its part of speech.
    """

    words: list[str] = field(default_factory=list)
    parts_of_speech: list[str] = field(default_factory=list)
    brackets: list[int] = field(default_factory=list)
    compounds: list[Span] = field(default_factory=list)


@DatasetReader.register("pfr")
@dataclass(kw_only=True)
class PfrReader(EntityReader):
    """Reads one text a line as `word/pos`, parted by runs of ASCII spaces. Registered as "pfr".

    The text is its words joined; a word may hold a `/`: the last one counts. A paragraph's number
    (`19980101-01-001-001/m`) that begins a line is left out. Lines without a word are skipped.

    Entities are words of the parts of speech nr (PER), ns (LOC) and nt (ORG), and compounds such as
    `[中央/n  电视台/n]nt` of these, inside which no other entity counts unless `overlaps` is "keep".
    Surname and given name are two words there (`江/nr  泽民/nr`), and names may follow each other with
    nothing between. So in a run of nr words one that has one character, or is a compound surname such as
    欧阳, is joined with the word after it, which begins no name itself; a run of two words of one character
    and one of two is one name with two surnames (`陈/nr  方/nr  安生/nr`); any other is a name by itself.
    Neighbours of ns and nt stay apart.
    Corpus: Institute of Computational Linguistics, Peking University; January 1998.

    # Parameters

    task : "ner" for the entities, "segmentation" for the words. For both, name two datasets of the same file,
        with a reader each: `readers: { names: { type: "pfr" }, words: { type: "pfr", task: "segmentation" } }`.
    overlaps : see `DatasetReader`; "keep" gives entities nested in compounds.

    Raises `DataError` where a word has no part of speech, or brackets do not match.
    """

    task: Task = "ner"
    overlaps: Overlaps = "outermost"

    def _read(self, file_path: str) -> Iterator[Instance]:
        items: dict[str, re.Match[str]] = {}
        for number, line in enumerate(read_lines(file_path, self.encoding_errors), start=1):
            sentence = _parse(line, number, file_path, items)
            if not sentence.words:
                continue
            words = self.task == "segmentation"
            spans = (
                tiling(map(len, sentence.words)) if words else self.map_types(_entities(sentence))
            )
            yield self.text_to_instance("".join(sentence.words), spans, number)


def _parse(line: str, number: int, file_path: str, items: dict[str, re.Match[str]]) -> _Sentence:
    """The words of a line; `items` remembers how those met so far are read."""
    sentence = _Sentence()
    open_at: list[int] = []
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
    """The entities of a sentence; those inside a compound nest in it."""
    spans = [
        Span(span.start, span.end, _TYPES[span.type])
        for span in sentence.compounds
        if span.type in _TYPES
    ]
    position = 0
    words = zip(sentence.words, sentence.parts_of_speech, sentence.brackets, strict=True)
    for (part_of_speech, _), run in groupby(words, key=itemgetter(1, 2)):
        texts = [word for word, _, _ in run]
        for length in _lengths_of_names(texts) if part_of_speech == "nr" else map(len, texts):
            if part_of_speech in _TYPES:
                spans.append(Span(position, position + length, _TYPES[part_of_speech]))
            position += length
    return spans


def _lengths_of_names(words: list[str]) -> list[int]:
    """How many characters each name of a run of nr words has."""
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
