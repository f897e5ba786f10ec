"""Checks of the spans of a table, with errors that name the first fault.

Shape suffixes: R sentences, S spans.
"""

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.reading.instance_table import InstanceTable


def overlap_error(table: InstanceTable, found: tuple[int, Span, Span], expected: str) -> DataError:
    """Return an error about two overlapping spans that names the file, the line and both spans.

    # Parameters

    table : the sentences.
    found : index of the sentence and the two spans, from `SpanTable.first_overlap`.
    expected : what is accepted instead.
    """
    sentence, *pair = found
    text = table.text(sentence)
    shown = " and ".join(
        f"{span.type} {_shortened(text[span.start : span.end])} [{span.start}, {span.end})"
        for span in pair
    )
    return DataError(*table.place(sentence), shown, expected)


def _shortened(surface: str) -> str:
    """Shorten a surface so that an error shows both of two spans."""
    return surface if len(surface) <= 20 else f"{surface[:17]}..."


def tiles(spans: SpanTable, lengths_R: NDArray[np.int32]) -> bool:
    """Whether the spans of every labelled sentence tile its text."""
    labelled_R = spans.counts_R >= 0
    follows_S = np.zeros(len(spans.starts_S), dtype=bool)
    follows_S[1:] = (spans.starts_S[1:] == spans.ends_S[:-1]) & (np.diff(spans.sentences_S) == 0)
    first_S = np.zeros(len(spans.starts_S), dtype=bool)
    first_S[spans.offsets[:-1][spans.counts_R > 0]] = True

    covered_R = np.zeros(len(spans), dtype=np.int64)
    np.add.at(covered_R, spans.sentences_S, spans.ends_S - spans.starts_S)
    starts_correctly_S = ((spans.starts_S == 0) & first_S) | (follows_S & ~first_S)
    return bool(starts_correctly_S.all() and (covered_R == lengths_R)[labelled_R].all())


def check_tiling(table: InstanceTable, sentence: int, words: list[Span] | None) -> None:
    """Raise a `DataError` if the words of a sentence do not tile its text."""
    edges = [edge for word in words or () for edge in (word.start, word.end)]
    edges = [0, *edges, int(table.lengths[sentence])]
    between = zip(edges[::2], edges[1::2], strict=True)
    gaps = [(end, start) for end, start in between if end != start]

    if words is not None and gaps:
        end, start = gaps[0]
        found = f"[{end}, {start}) in no word" if end < start else f"[{start}, {end}) in two words"
        expected = "words that tile the text"
        raise DataError(*table.place(sentence), f"characters {found}", expected)
