"""Contradictions: sentences with the same text but other labels.

Shape suffixes: R labelled sentences of all tables.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.instance_table import InstanceTable

# Number of texts that are shown with their labels.
EXAMPLES = 5


@dataclass(frozen=True)
class LabelledFile:
    """The sentences of one file, whose labels are compared with those of other sentences.

    # Parameters

    table : the sentences.
    annotated_types : the entity types that are annotated in the file; None for all.
    """

    table: InstanceTable
    annotated_types: Collection[str] | None = None


@dataclass(frozen=True)
class Labelling:
    """A sentence and its labels.

    # Parameters

    place : file and line, as `file:line`.
    labels : entities as `type surface [start, end)`, or words, each followed by its range.
    """

    place: str
    labels: list[str]


@dataclass(frozen=True)
class Contradictions:
    """How many texts have sentences with different labels.

    # Parameters

    texts : number of such texts.
    sentences : number of sentences that have these texts.
    examples : the first texts, at most 5, each with one sentence for each of its labellings.
    """

    texts: int
    sentences: int
    examples: dict[str, list[Labelling]]

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    def message(self) -> str:
        """Describe the contradictions in one sentence, with two places of the first one."""
        places = [labelling.place for labelling in next(iter(self.examples.values()))]
        return f"{self.what()}, such as {' and '.join(places[:2])}"

    def what(self) -> str:
        """Describe the contradictions without an example."""
        texts = "a text that is" if self.texts == 1 else f"{self.texts:,} texts that are"
        return f"{self.sentences:,} sentences have {texts} labelled in different ways"


def find_contradictions(files: Sequence[LabelledFile]) -> Contradictions:
    """Find the sentences that have the same text but other labels.

    Entity types that one of two files does not annotate are not compared.

    # Parameters

    files : files of one task; unlabelled ones are ignored.

    # Examples

    >>> from ner_adv_plugin.data.instance import Instance
    >>> sentences = [Instance("王明", [Span(0, 2, "PER")], {"line": 1}), Instance("王明", [])]
    >>> found = find_contradictions([LabelledFile(InstanceTable.of(sentences, "msra"))])
    >>> (found.texts, found.sentences)
    (1, 2)
    >>> [labelling.labels for labelling in found.examples["王明"]]
    [['PER 王明 [0, 2)'], []]
    """
    labelled = [file for file in files if file.table.spans is not None]
    examples: dict[str, list[Labelling]] = {}
    texts = sentences = 0
    for text, places in _repeated(labelled):
        differing = _differing(labelled, places)
        if differing:
            texts += 1
            sentences += len(places)
            if len(examples) < EXAMPLES:
                examples[text] = [_labelling(labelled[f].table, r) for f, r in differing]
    return Contradictions(texts, sentences, examples)


def _repeated(files: Sequence[LabelledFile]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield every text that several labelled sentences have, and these as (file, sentence)."""
    sentences_of_files: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    hashes_of_files: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for file in files:
        spans = file.table.spans
        assert spans is not None
        labelled = np.flatnonzero(spans.counts_R >= 0)
        sentences_of_files.append(labelled)
        hashes = np.fromiter(map(hash, file.table.texts()), np.int64, len(file.table))
        hashes_of_files.append(hashes[labelled])

    hashes_R = np.concatenate(hashes_of_files)
    sentences_R = np.concatenate(sentences_of_files)
    sizes_of_files = [len(own) for own in sentences_of_files]
    files_R = np.repeat(np.arange(-1, len(files)), sizes_of_files)
    _, group_R, sizes = np.unique(hashes_R, return_inverse=True, return_counts=True)
    by_text: dict[str, list[tuple[int, int]]] = {}
    for index in np.flatnonzero(sizes[group_R] > 1).tolist():
        f, r = int(files_R[index]), int(sentences_R[index])
        by_text.setdefault(files[f].table.text(r), []).append((f, r))
    for text, same in by_text.items():
        if len(same) > 1:
            yield text, same


def _differing(
    files: Sequence[LabelledFile], places: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return one sentence for each labelling of a text; empty if they do not contradict."""
    first: dict[tuple[int, frozenset[Span]], tuple[int, int]] = {}
    for f, r in places:
        first.setdefault((f, frozenset(_spans(files[f].table, r))), (f, r))

    # Labellings may fit one that annotates fewer types, and still contradict each other.
    differing: dict[tuple[int, int], None] = {}
    shown: set[frozenset[Span]] = set()
    for (f, spans), (g, others) in combinations(first, 2):
        if _contradict(files[f], spans, files[g], others):
            for key in ((f, spans), (g, others)):
                if key[1] not in shown:
                    shown.add(key[1])
                    differing[first[key]] = None
    return list(differing)


def _contradict(
    one: LabelledFile, spans: frozenset[Span], other: LabelledFile, other_spans: frozenset[Span]
) -> bool:
    """Whether two labellings differ in the types that both files annotate."""
    return _only(spans, other.annotated_types) != _only(other_spans, one.annotated_types)


def _only(spans: frozenset[Span], types: Collection[str] | None) -> frozenset[Span]:
    return spans if types is None else frozenset(span for span in spans if span.type in types)


def _spans(table: InstanceTable, sentence: int) -> list[Span]:
    return table[sentence].spans or []


def _labelling(table: InstanceTable, sentence: int) -> Labelling:
    path, line = table.place(sentence)
    text = table.text(sentence)
    labels = [
        f"{span.type} {text[span.start : span.end]} [{span.start}, {span.end})".lstrip()
        for span in _spans(table, sentence)
    ]
    return Labelling(path if line is None else f"{path}:{line}", labels)
