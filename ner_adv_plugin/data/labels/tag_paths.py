"""Spans of tag paths, of which a sentence may have several.

Shape suffixes: R paths, L characters, B sentences, S spans.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.labels.tag_arrays import (
    TagTable,
    lenient_spans,
    sentence_offsets,
    strict_spans,
)


def read_paths(
    tags_RL: NDArray[np.int64],
    sentences_R: NDArray[np.int64],
    lengths: Sequence[int],
    table: TagTable,
    probabilities: Callable[[SpanTable], NDArray[np.float64]] | None,
) -> list[list[ScoredSpan]]:
    """Decode tag paths to spans: words so that they tile the text, entities strictly.

    # Parameters

    tags_RL : the tags of each path; values at padding have no effect.
    sentences_R : index of the sentence of each path, ascending.
    lengths : number of characters of each sentence.
    table : the tags.
    probabilities : computes the probabilities of the distinct spans of all sentences; None for
        scores of NaN.

    # Returns

    The spans of each path.
    """
    lengths_R = np.array(lengths, dtype=np.int64)[sentences_R]
    inside_RL = np.arange(tags_RL.shape[1])[None, :] < lengths_R[:, None]
    to_spans = lenient_spans if table.scheme.segmentation else strict_spans
    spans = to_spans(tags_RL[inside_RL], sentence_offsets(lengths_R), table)

    scores_S = np.full(len(spans.starts_S), np.nan)
    if probabilities is not None:
        distinct, index_S = _distinct(spans, sentences_R, len(lengths))
        scores_S = probabilities(distinct)[index_S]
    return _as_lists(spans, scores_S.tolist())


def _distinct(
    spans: SpanTable, sentences_R: NDArray[np.int64], sentences: int
) -> tuple[SpanTable, NDArray[np.int64]]:
    """Return the distinct spans of all readings of each sentence, and the index of each span.

    # Parameters

    spans : the spans of R readings.
    sentences_R : index of the sentence of each reading.
    sentences : number of sentences.
    """
    sentence_S = sentences_R[spans.sentences_S]
    keys_4S = np.stack([sentence_S, spans.starts_S, spans.ends_S, spans.types_S])
    order_S = np.lexsort(keys_4S[::-1])
    is_new_S = np.ones(len(order_S), dtype=bool)
    is_new_S[1:] = (np.diff(keys_4S[:, order_S]) != 0).any(0)
    first_S = order_S[is_new_S]
    index_S = np.empty(len(order_S), dtype=np.int64)
    index_S[order_S] = np.cumsum(is_new_S) - 1
    counts_B = np.bincount(sentence_S[first_S], minlength=sentences)
    distinct = SpanTable(
        types=spans.types,
        starts_S=spans.starts_S[first_S],
        ends_S=spans.ends_S[first_S],
        types_S=spans.types_S[first_S],
        counts_R=counts_B.astype(np.int32),
    )
    return distinct, index_S


def _as_lists(spans: SpanTable, scores: Sequence[float]) -> list[list[ScoredSpan]]:
    """List the spans of each sentence with their scores."""
    names = [spans.types[i] for i in spans.types_S.tolist()]
    flat = list(map(ScoredSpan, spans.starts_S.tolist(), spans.ends_S.tolist(), names, scores))
    offsets = spans.offsets.tolist()
    return [flat[start:end] for start, end in zip(offsets, offsets[1:], strict=False)]
