"""Marginal probabilities of spans under a linear-chain CRF.

The probability of a span is the sum over all tag paths that contain exactly this span: any path
before the span, the tags that encode it, and after it any path that does not continue it. It is
computed by a constrained forward pass (Culotta and McCallum 2004, "Confidence estimation for
information extraction"), not approximated by the best path or by a product of the posteriors of
single characters.

Shape suffixes: B sentences, L characters, T tags, S spans.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.data.labels.span_reading import SpanReading
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.modules.crf.conditional_random_field import ConditionalRandomField


@torch.no_grad()
def span_probabilities(
    crf: ConditionalRandomField,
    emissions: Tensor,
    mask: Tensor,
    spans: SpanTable,
    reading: SpanReading,
    scale: float = 1.0,
) -> NDArray[np.float64]:
    """Compute the marginal probabilities of spans.

    # Parameters

    crf : the distribution over tag paths.
    emissions : tag scores, (B, L, T).
    mask : (B, L) bool, True at characters.
    spans : spans of the B sentences.
    reading : how tags are decoded to spans.
    scale : factor of all scores, the inverse of a temperature.

    # Returns

    Probabilities, (S,), 0 to 1.
    """
    if not len(spans.starts_S):
        return np.zeros(0)

    # Messages are computed for sentences with spans only.
    used, sentences_S = np.unique(spans.sentences_S, return_inverse=True)
    index_U = torch.from_numpy(used).to(emissions.device)
    with torch.autocast(emissions.device.type, enabled=False):
        scores = crf.scaled(scale)._scores(emissions[index_U].double() * scale, mask[index_U])
        log_p_S = _log_probabilities(
            scores, spans, torch.from_numpy(sentences_S.astype(np.int64)), reading
        )
    probabilities: NDArray[np.float64] = log_p_S.exp().clamp(max=1.0).cpu().numpy()
    return probabilities


def _log_probabilities(
    scores: tuple[Tensor, ...], spans: SpanTable, sentences_S: Tensor, reading: SpanReading
) -> Tensor:
    """Logarithms of the probabilities, (S,); the parameters are those of `_messages`."""
    emissions_BLT, lengths_B, starts_T, transitions_TT, ends_T = scores
    device = emissions_BLT.device
    forward_BLT, backward_BLT, log_partition_B = _messages(*scores)
    sentence_S = sentences_S.to(device)
    start_S = torch.from_numpy(spans.starts_S.astype(np.int64)).to(device)
    end_S = torch.from_numpy(spans.ends_S.astype(np.int64)).to(device)
    type_S = torch.from_numpy(spans.types_S.astype(np.int64)).to(device)
    types_T, first_T, last_T, opens_TT, inside_TT, closes_TT = (
        torch.from_numpy(values).to(device)
        for values in (
            reading.types_T,
            reading.first_T,
            reading.last_T,
            reading.opens_TT,
            reading.inside_TT,
            reading.closes_TT,
        )
    )

    # The first tag of the span, of its type, after any path before it.
    before_ST = forward_BLT[sentence_S, (start_S - 1).clamp(min=0)]
    arriving_ST = _step(before_ST, transitions_TT + opens_TT)
    state_ST = torch.where((start_S == 0).unsqueeze(1), starts_T + first_T, arriving_ST)
    of_type_ST = types_T.unsqueeze(0) == type_S.unsqueeze(1)
    state_ST = (state_ST + emissions_BLT[sentence_S, start_S]).masked_fill(~of_type_ST, -torch.inf)

    # The other tags of the span, one character at a time.
    inside_TT = transitions_TT + inside_TT
    for step in range(1, int((end_S - start_S).max())):
        longer = ((end_S - start_S) > step).nonzero().squeeze(1)
        moved = (
            _step(state_ST[longer], inside_TT)
            + emissions_BLT[sentence_S[longer], start_S[longer] + step]
        )
        state_ST = state_ST.index_copy(0, longer, moved)

    # Any path after the span that does not continue it.
    at_end_S = end_S == lengths_B[sentence_S]
    next_S = end_S.clamp(max=emissions_BLT.shape[1] - 1)
    onward_ST = emissions_BLT[sentence_S, next_S] + backward_BLT[sentence_S, next_S]
    closed_ST = _step(state_ST, transitions_TT + closes_TT) + onward_ST
    ended_ST = state_ST + ends_T + last_T
    total_S = torch.logsumexp(torch.where(at_end_S.unsqueeze(1), ended_ST, closed_ST), 1)
    return total_S - log_partition_B[sentence_S]


def _step(state_ST: Tensor, moves_TT: Tensor) -> Tensor:
    """Return log of the sum over i of exp(state[i] + moves[i, j])."""
    return torch.logsumexp(state_ST.unsqueeze(2) + moves_TT, dim=1)


def _messages(
    emissions_BLT: Tensor,
    lengths_B: Tensor,
    starts_T: Tensor,
    transitions_TT: Tensor,
    ends_T: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute forward messages, backward messages and log Z in log space.

    forward[t, j] = emission[t, j] + log sum_i exp(forward[t - 1, i] + transition[i, j]);
    backward[t, i] = log sum_j exp(transition[i, j] + emission[t + 1, j] + backward[t + 1, j]), and
    the end scores at the last character of a sentence. Only forward messages include the emission
    of their own position.
    """
    length = emissions_BLT.shape[1]
    forward = [starts_T + emissions_BLT[:, 0]]
    for position in range(1, length):
        forward.append(_step(forward[-1], transitions_TT) + emissions_BLT[:, position])

    ends_BT = ends_T.expand(len(emissions_BLT), -1)
    backward = [ends_BT]
    for position in range(length - 2, -1, -1):
        onward_BT = emissions_BLT[:, position + 1] + backward[-1]
        is_last_B1 = (lengths_B == position + 1).unsqueeze(1)
        backward.append(torch.where(is_last_B1, ends_BT, _step(onward_BT, transitions_TT.T)))

    forward_BLT, backward_BLT = torch.stack(forward, 1), torch.stack(backward[::-1], 1)
    last_B = (lengths_B - 1).clamp(min=0)
    final_BT = forward_BLT[torch.arange(len(last_B), device=last_B.device), last_B]
    return forward_BLT, backward_BLT, torch.logsumexp(final_BT + ends_T, 1)
