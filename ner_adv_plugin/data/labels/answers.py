"""Predicted spans as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, SpanTable
from ner_adv_plugin.data.labels.tag_schemes import TagScheme

JsonDict = dict[str, Any]


def scored_spans(table: SpanTable) -> Iterator[list[ScoredSpan]]:
    """Yield the predicted spans of each sentence; scores are NaN if the table has none."""
    scores_S = np.full(len(table.starts_S), np.nan) if table.scores_S is None else table.scores_S
    flat = iter(scores_S.tolist())
    for spans in table:
        yield [ScoredSpan(*span, next(flat)) for span in spans or ()]


def described(
    text: str,
    spans: Sequence[Span] | Sequence[ScoredSpan],
    segments: bool,
    scheme: TagScheme | None,
) -> JsonDict:
    """Convert spans to JSON: tags if there is a tag scheme, then entities or words.

    # Parameters

    text : the sentence.
    spans : its entities or words.
    segments : whether the spans are words.
    scheme : tag scheme of the tags; None for no tags.
    """
    result: JsonDict = {}
    if scheme is not None:
        result["tags"] = scheme.tags([Span(*span[:3]) for span in spans], len(text))
    if segments:
        result["words"] = [text[span.start : span.end] for span in spans]
    else:
        result["entities"] = entities_of(text, spans)
    return result


def entities_of(text: str, spans: Iterable[Span | ScoredSpan]) -> list[JsonDict]:
    """Convert entities to JSON, with their scores if they have any."""
    return [
        {
            "start": span.start,
            "end": span.end,
            "type": span.type,
            "text": text[span.start : span.end],
        }
        | ({"score": span.score} if isinstance(span, ScoredSpan) else {})
        for span in spans
    ]
