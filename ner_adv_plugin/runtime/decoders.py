"""Spans from the scores of a head.

Shape suffixes: B sentences, L characters, T tags, S spans, N readings, G groups of options, K
options of a group.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.labels.span_options import (
    CANDIDATES,
    cheapest_readings,
    without_conflicts,
)
from ner_adv_plugin.data.labels.span_reading import SpanReading
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.labels.tag_arrays import TagTable
from ner_adv_plugin.data.labels.tag_paths import read_paths
from ner_adv_plugin.data.labels.tag_schemes import TagScheme, get_scheme
from ner_adv_plugin.runtime.crf import Scores, messages, n_best, span_probabilities, viterbi
from ner_adv_plugin.runtime.files import TRANSITIONS, Pairs, Settings, Tags

Lengths = Sequence[int]


class Ranked(NamedTuple):
    """The readings of a sentence, best first, and their probabilities."""

    readings: list[list[ScoredSpan]]
    probabilities: list[float]


class TagDecoder:
    """Decode the scores of tags.

    # Parameters

    folder : folder of the transitions.
    settings : of the exported model.
    tags : the tag scheme.
    """

    def __init__(self, folder: Path, settings: Settings, tags: Tags) -> None:
        self.scheme: TagScheme | None = get_scheme(tags.scheme, settings.segmentation)
        self.states = 1 + len(self.scheme.labels(settings.types))
        self._table = TagTable.of(self.scheme, settings.types)
        self._reading = SpanReading(self._table)
        self._scale = 1.0 / tags.temperature

        path = folder / TRANSITIONS
        try:
            with np.load(path, allow_pickle=False) as arrays:
                fields = [
                    arrays[name].astype(np.float64) for name in ("starts", "transitions", "ends")
                ]
        except (OSError, ValueError, LookupError) as error:
            raise UserError(f"{path} is not valid: {error}") from error
        self._starts, self._transitions, self._ends = fields

    def _scores(self, emissions: NDArray[np.float32], lengths: Lengths, scale: float) -> Scores:
        return Scores(
            emissions.astype(np.float64) * scale,
            np.array(lengths, dtype=np.int64),
            self._starts * scale,
            self._transitions * scale,
            self._ends * scale,
        )

    def decode(self, output: NDArray[np.float32], lengths: Lengths) -> list[list[ScoredSpan]]:
        """Decode the most probable spans of each sentence.

        # Parameters

        output : tag scores, (B, L, T).
        lengths : number of characters of each sentence, descending.
        """
        tags_BL = viterbi(self._scores(output, lengths, 1.0))
        return self._read(tags_BL, np.arange(len(tags_BL)), output, lengths)

    def rank(self, output: NDArray[np.float32], lengths: Lengths, n: int) -> list[Ranked]:
        """Decode the n most probable tag paths of each sentence.

        # Parameters

        output, lengths : see `decode`.
        n : number of paths.
        """
        scores = self._scores(output, lengths, self._scale)
        tags_BNL, scores_BN = n_best(scores, n)
        probabilities_BN = np.exp(scores_BN - messages(scores)[2][:, None]).clip(max=1.0)
        counts_B = (~np.isneginf(scores_BN)).sum(1)
        tags_RL = tags_BNL[np.arange(n) < counts_B[:, None]]
        sentences_R = np.repeat(np.arange(len(counts_B)), counts_B)

        readings = iter(self._read(tags_RL, sentences_R, output, lengths))
        return [
            Ranked([next(readings) for _ in range(count)], probabilities[:count])
            for count, probabilities in zip(
                counts_B.tolist(), probabilities_BN.tolist(), strict=True
            )
        ]

    def _read(
        self,
        tags_RL: NDArray[np.int64],
        sentences_R: NDArray[np.int64],
        output: NDArray[np.float32],
        lengths: Lengths,
    ) -> list[list[ScoredSpan]]:
        """Decode R tag paths to spans; see `read_paths`."""

        def probabilities(spans: SpanTable) -> NDArray[np.float64]:
            used, sentences_S = np.unique(spans.sentences_S, return_inverse=True)
            counts_R = np.bincount(sentences_S, minlength=len(used)).astype(np.int32)
            chosen = SpanTable(spans.types, spans.starts_S, spans.ends_S, spans.types_S, counts_R)
            # Messages are computed for sentences with spans only.
            of_used = [lengths[sentence] for sentence in used.tolist()]
            emissions = output[used, : max(of_used, default=0)]
            scores = self._scores(emissions, of_used, self._scale)
            return span_probabilities(scores, chosen, self._reading)

        return read_paths(tags_RL, sentences_R, lengths, self._table, probabilities)


class PairDecoder:
    """Decode the log-probabilities of the options of all pairs of characters.

    # Parameters

    settings : of the exported model.
    pairs : the options.
    """

    scheme: TagScheme | None = None
    states = 0

    def __init__(self, settings: Settings, pairs: Pairs) -> None:
        self._flat = pairs.flat
        self._types_GK = np.array(pairs.types)
        self._names = settings.types

    def decode(self, output: NDArray[np.float32], lengths: Lengths) -> list[list[ScoredSpan]]:
        """Decode the most probable spans of each sentence.

        # Parameters

        output : log-probabilities by first and last character, (B, L, L, G, K).
        lengths : number of characters of each sentence.
        """
        best_BLLG = output.argmax(-1)
        index_S = best_BLLG.nonzero()
        options_S = best_BLLG[index_S]
        scores_S = np.exp(output[(*index_S, options_S)])
        types_S = self._types_GK[index_S[3], options_S]

        found: list[list[ScoredSpan]] = [[] for _ in lengths]
        columns = (index_S[0], index_S[1], index_S[2] + 1, types_S, scores_S)
        for sentence, start, end, kind, score in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            found[sentence].append(ScoredSpan(start, end, self._names[kind], score))
        return [without_conflicts(spans, self._flat) for spans in found]

    def rank(self, output: NDArray[np.float32], lengths: Lengths, n: int) -> list[Ranked]:
        """Decode the n most probable sets of spans of each sentence.

        Conflicts are resolved within each reading; if readings become equal, the most probable one
        is kept.

        # Parameters

        output, lengths : see `decode`.
        n : number of readings.
        """
        return [self._rank(log_p_LLGK, n) for log_p_LLGK in output]

    def _rank(self, log_p_LLGK: NDArray[np.float32], n: int) -> Ranked:
        options = log_p_LLGK.shape[-1]
        log_p_FK = log_p_LLGK.reshape(-1, options)
        best_F = log_p_FK.argmax(1)
        best_log_p_F1 = np.take_along_axis(log_p_FK, best_F[:, None], 1)
        costs_FK = best_log_p_F1 - log_p_FK
        np.put_along_axis(costs_FK, best_F[:, None], np.inf, 1)

        changes = np.flatnonzero(costs_FK.ravel() < np.inf)
        costs = costs_FK.ravel()[changes]
        cheapest = np.argsort(costs, kind="stable")[: CANDIDATES * n - 1]
        best = {group: int(best_F[group]) for group in np.flatnonzero(best_F).tolist()}
        found: dict[tuple[ScoredSpan, ...], float] = {}
        for cost, reading in cheapest_readings(
            best, costs[cheapest].tolist(), changes[cheapest].tolist(), options, CANDIDATES * n
        ):
            spans = [self._span(*choice, log_p_LLGK) for choice in reading.items()]
            found.setdefault(tuple(without_conflicts(spans, self._flat)), cost)
            if len(found) == n:
                break
        log_best = float(best_log_p_F1.astype(np.float64).sum())
        probabilities = np.exp(log_best - np.array([*found.values()])).tolist()
        return Ranked([list(spans) for spans in found], probabilities)

    def _span(self, index: int, option: int, log_p_LLGK: NDArray[np.float32]) -> ScoredSpan:
        """Return the span of an option, given the index of its group in the flattened (L, L, G)."""
        length, groups = log_p_LLGK.shape[1], log_p_LLGK.shape[2]
        pair, group = divmod(index, groups)
        start, last = divmod(pair, length)
        score = float(np.exp(log_p_LLGK[start, last, group, option]))
        return ScoredSpan(start, last + 1, self._names[self._types_GK[group, option]], score)
