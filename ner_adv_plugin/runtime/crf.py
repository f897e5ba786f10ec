"""Linear-chain conditional random field in numpy: decoding and marginals in float64.

The same algorithms as in `ner_adv_plugin.modules.crf`, which computes with torch on any device.

Shape suffixes: B sentences, L characters, T tags, N paths, S spans.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.span_reading import SpanReading
from ner_adv_plugin.data.labels.spans import SpanTable

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Scores(NamedTuple):
    """Scores of a batch.

    # Parameters

    emissions : (B, L, T).
    lengths : (B,), descending, 1 or more.
    starts : (T,), -inf if forbidden.
    transitions : (T, T), [from, to], -inf if forbidden.
    ends : (T,), -inf if forbidden.
    """

    emissions: Floats
    lengths: Integers
    starts: Floats
    transitions: Floats
    ends: Floats

    def active(self, position: int) -> int:
        """Number of sentences that have a character at a position; they come first."""
        return int(np.searchsorted(-self.lengths, -position, side="left"))


def viterbi(scores: Scores) -> Integers:
    """Find the best tag path of each sentence, (B, L), 0 at padding (Forney 1973)."""
    return n_best(scores, 1)[0][:, 0]


def n_best(scores: Scores, n: int) -> tuple[Integers, Floats]:
    """Find the n best tag paths of each sentence (Seshadri and Sundberg 1994).

    Each tag keeps its n best partial paths, all different.

    # Parameters

    scores : the scores.
    n : number of paths, 1 or more.

    # Returns

    Tags, (B, N, L), 0 at padding, and scores, (B, N), descending. If a sentence has fewer paths,
    the remaining scores are -inf and their tags 0.
    """
    emissions_BLT, lengths_B, starts_T, transitions_TT, ends_T = scores
    sentences, length, tags = emissions_BLT.shape
    best_BTN = np.full((sentences, tags, n), -np.inf)
    best_BTN[:, :, 0] = emissions_BLT[:, 0] + starts_T
    origins = np.zeros((length, sentences, tags, n), dtype=np.int32)

    for position in range(1, length):
        active = scores.active(position)
        # Index of a candidate: tag x N + rank.
        moved_BTTN = best_BTN[:active, None] + transitions_TT.T[None, :, :, None]
        candidates_BTA = moved_BTTN.reshape(active, tags, tags * n)
        chosen_BTN = _highest(candidates_BTA, n)
        origins[position, :active] = chosen_BTN
        best_BTN[:active] = np.take_along_axis(candidates_BTA, chosen_BTN, 2)
        best_BTN[:active] += emissions_BLT[:active, position, :, None]

    final_BA = (best_BTN + ends_T[:, None]).reshape(sentences, tags * n)
    index_BN = _highest(final_BA, n)
    scores_BN = np.take_along_axis(final_BA, index_BN, 1)
    tags_BNL = np.zeros((sentences, n, length), dtype=np.int64)
    for position in range(length - 1, -1, -1):
        active = scores.active(position)
        tags_BNL[:active, :, position] = index_BN[:active] // n
        origin_BA = origins[position, :active].reshape(active, tags * n)
        index_BN[:active] = np.take_along_axis(origin_BA, index_BN[:active], 1)
    return np.where(np.isneginf(scores_BN)[:, :, None], 0, tags_BNL), scores_BN


def _highest(values: Floats, n: int) -> Integers:
    """Return the indices of the n highest values of the last axis, descending."""
    if n == 1:
        return values.argmax(-1)[..., None]
    return np.argsort(-values, axis=-1, kind="stable")[..., :n]


def messages(scores: Scores) -> tuple[Floats, Floats, Floats]:
    """Compute forward messages, backward messages and log Z in log space.

    forward[t, j] = emission[t, j] + log sum_i exp(forward[t - 1, i] + transition[i, j]);
    backward[t, i] = log sum_j exp(transition[i, j] + emission[t + 1, j] + backward[t + 1, j]), and
    the end scores at the last character of a sentence.

    # Returns

    (B, L, T), (B, L, T) and (B,).
    """
    emissions_BLT, lengths_B, starts_T, transitions_TT, ends_T = scores
    sentences, length, _ = emissions_BLT.shape
    forward_BLT, backward_BLT = np.zeros_like(emissions_BLT), np.zeros_like(emissions_BLT)
    forward_BLT[:, 0] = starts_T + emissions_BLT[:, 0]
    for position in range(1, length):
        n = scores.active(position)
        moved = _step(forward_BLT[:n, position - 1], transitions_TT)
        forward_BLT[:n, position] = moved + emissions_BLT[:n, position]

    rows_B, last_B = np.arange(sentences), lengths_B - 1
    backward_BLT[rows_B, last_B] = ends_T
    for position in range(length - 2, -1, -1):
        n = scores.active(position + 1)
        onward = emissions_BLT[:n, position + 1] + backward_BLT[:n, position + 1]
        backward_BLT[:n, position] = _step(onward, transitions_TT.T)
    return forward_BLT, backward_BLT, _log_sum(forward_BLT[rows_B, last_B] + ends_T, 1)


def span_probabilities(scores: Scores, spans: SpanTable, reading: SpanReading) -> Floats:
    """Compute the probabilities of all tag paths that contain a span, (S,), 0 to 1.

    # Parameters

    scores : the scores.
    spans : spans of the B sentences.
    reading : how tags are decoded to spans.
    """
    if not len(spans.starts_S):
        return np.zeros(0)
    emissions_BLT, lengths_B, starts_T, transitions_TT, ends_T = scores
    forward_BLT, backward_BLT, log_partition_B = messages(scores)
    sentence_S, type_S = spans.sentences_S, spans.types_S.astype(np.int64)
    start_S, end_S = spans.starts_S.astype(np.int64), spans.ends_S.astype(np.int64)

    # The first tag of the span, of its type, after any path before it.
    before_ST = forward_BLT[sentence_S, np.maximum(start_S - 1, 0)]
    arriving_ST = _step(before_ST, transitions_TT + reading.opens_TT)
    state_ST = np.where((start_S == 0)[:, None], starts_T + reading.first_T, arriving_ST)
    state_ST = state_ST + emissions_BLT[sentence_S, start_S]
    state_ST[reading.types_T[None, :] != type_S[:, None]] = -np.inf

    # The other tags of the span, one character at a time.
    inside_TT = transitions_TT + reading.inside_TT
    for step in range(1, int((end_S - start_S).max())):
        longer = np.flatnonzero(end_S - start_S > step)
        moved = _step(state_ST[longer], inside_TT)
        state_ST[longer] = moved + emissions_BLT[sentence_S[longer], start_S[longer] + step]

    # Any path after the span that does not continue it.
    next_S = np.minimum(end_S, emissions_BLT.shape[1] - 1)
    onward_ST = emissions_BLT[sentence_S, next_S] + backward_BLT[sentence_S, next_S]
    closed_ST = _step(state_ST, transitions_TT + reading.closes_TT) + onward_ST
    ended_ST = state_ST + ends_T + reading.last_T
    at_end_S1 = (end_S == lengths_B[sentence_S])[:, None]
    total_S = _log_sum(np.where(at_end_S1, ended_ST, closed_ST), 1)
    return np.minimum(np.exp(total_S - log_partition_B[sentence_S]), 1.0)


def _step(state_ST: Floats, moves_TT: Floats) -> Floats:
    """Return log of the sum over i of exp(state[i] + moves[i, j])."""
    return _log_sum(state_ST[:, :, None] + moves_TT, 1)


def _log_sum(values: Floats, axis: int) -> Floats:
    """Return log of the sum of exp(values); -inf if all are."""
    highest = values.max(axis, keepdims=True)
    shift = np.where(np.isneginf(highest), 0.0, highest)
    with np.errstate(divide="ignore"):
        total: Floats = np.log(np.exp(values - shift).sum(axis)) + shift.squeeze(axis)
    return total
