"""Votes of several models on the spans of a sentence."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from ner_adv_plugin.data.labels.spans import ScoredSpan, Span


def elected_entities(readings: Sequence[Sequence[ScoredSpan]]) -> list[ScoredSpan]:
    """Return the entities that more than half of the models predict.

    If no model's entities overlap, these do not either: of two that do, no model predicts both, so
    that they have at most one vote of each model together.

    # Parameters

    readings : the entities that each model predicts for the sentence.

    # Returns

    The entities, in order. A score is the mean over all models, 0 for those that do not predict the
    entity.

    # Examples

    >>> one, other = ScoredSpan(0, 2, "PER", 0.9), ScoredSpan(0, 3, "PER", 0.6)
    >>> elected_entities([[one], [one], [other]])
    [ScoredSpan(start=0, end=2, type='PER', score=0.6)]
    """
    scores = _scores(readings)
    return [
        _scored(span, own, len(readings))
        for span, own in sorted(scores.items())
        if 2 * len(own) > len(readings)
    ]


def elected_words(readings: Sequence[Sequence[ScoredSpan]]) -> list[ScoredSpan]:
    """Return the words of a sentence, cut wherever more than half of the models cut it.

    # Parameters

    readings : the words into which each model cuts the sentence, which they cover.

    # Returns

    The words, in order; scores as those of `elected_entities`.

    # Examples

    >>> fine = [ScoredSpan(0, 1, "", 0.9), ScoredSpan(1, 2, "", 0.9)]
    >>> elected_words([fine, [ScoredSpan(0, 2, "", 0.6)], fine])
    [ScoredSpan(start=0, end=1, type='', score=0.6), ScoredSpan(start=1, end=2, type='', score=0.6)]
    """
    cuts = Counter(word.end for words in readings for word in words)
    ends = [0, *sorted(end for end, votes in cuts.items() if 2 * votes > len(readings))]
    scores = _scores(readings)
    words = [Span(start, end) for start, end in pairwise(ends)]
    return [_scored(word, scores.get(word, []), len(readings)) for word in words]


def _scores(readings: Sequence[Sequence[ScoredSpan]]) -> dict[Span, list[float]]:
    """Return the scores of every span that some model predicts."""
    scores: dict[Span, list[float]] = defaultdict(list)
    for spans in readings:
        for span in spans:
            scores[span.span].append(span.score)
    return scores


def _scored(span: Span, scores: Sequence[float], models: int) -> ScoredSpan:
    return ScoredSpan(*span, sum(scores) / models)
