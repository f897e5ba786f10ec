"""Batched Viterbi decoding of a linear-chain CRF.

Shape suffixes: B sequences, L positions, T tags, S = T + 1 states (the tags and "stopped").
"""

from itertools import pairwise

import torch
from torch import Tensor


def viterbi(
    emissions: Tensor, lengths: Tensor, starts: Tensor, transitions: Tensor, ends: Tensor
) -> tuple[Tensor, Tensor]:
    """Find the best tag path of each sequence (Forney 1973, "The Viterbi algorithm").

    After its last position a sequence moves to the additional state "stopped", with the end scores
    as transition scores, so that sequences of different length take the same steps. No
    back-pointers are stored: the trace back recomputes the predecessor of the chosen state only.

    # Parameters

    emissions : (B, L, T), 0 at padding.
    lengths : number of positions of each sequence, (B,) long, 0 or more.
    starts : scores of the first tag, (T,), -inf if forbidden.
    transitions : scores of the transitions, (T, T), [from, to], -inf if forbidden.
    ends : scores of the last tag, (T,), -inf if forbidden.

    # Returns

    Tags, (B, L) long, 0 at padding, and scores of the paths, (B,), -inf for a sequence without an
    admissible path.
    """
    sequences, length, tags = emissions.shape
    best_LBS = local_scores(emissions, lengths)
    best_LBS[0, :, :tags] += starts
    into_SS = transitions_with_stop(transitions, ends)

    candidates_BSS = emissions.new_empty(sequences, tags + 1, tags + 1)
    arriving_BS = emissions.new_empty(sequences, tags + 1)
    for previous_BS, current_BS in pairwise(best_LBS.unbind(0)):
        torch.add(previous_BS.unsqueeze(1), into_SS, out=candidates_BSS)
        torch.amax(candidates_BSS, 2, out=arriving_BS)
        current_BS += arriving_BS

    path_LB = lengths.new_full((length + 1, sequences), tags)
    trace = list(zip(path_LB.unbind(0), best_LBS.unbind(0), strict=True))
    for (following_B, _), (chosen_B, best_BS) in pairwise(reversed(trace)):
        torch.index_select(into_SS, 0, following_B, out=arriving_BS)
        torch.argmax(arriving_BS.add_(best_BS), 1, out=chosen_B)
    path_BL = path_LB[:-1].T
    return path_BL.masked_fill(path_BL == tags, 0), best_LBS[-1, :, tags]


def transitions_with_stop(transitions_TT: Tensor, ends_T: Tensor) -> Tensor:
    """Transition scores with the state "stopped", (S, S), [to, from]; no transition leaves it."""
    tags = len(ends_T)
    into_SS = torch.nn.functional.pad(transitions_TT.T, (0, 1, 0, 1), value=-torch.inf)
    into_SS[tags, :tags] = ends_T
    into_SS[tags, tags] = 0.0
    return into_SS


def local_scores(emissions_BLT: Tensor, lengths_B: Tensor) -> Tensor:
    """Scores of the states at each step, (L + 1, B, S).

    Emissions inside the sequence, and after it 0 for "stopped"; all other scores are -inf.
    """
    sequences, length, tags = emissions_BLT.shape
    inside_LB = torch.arange(length + 1, device=lengths_B.device).unsqueeze(1) < lengths_B
    local_LBS = emissions_BLT.new_full((length + 1, sequences, tags + 1), -torch.inf)
    local_LBS[:-1, :, :tags] = emissions_BLT.transpose(0, 1)
    local_LBS[:, :, :tags].masked_fill_(~inside_LB.unsqueeze(-1), -torch.inf)
    local_LBS[:, :, tags].masked_fill_(~inside_LB, 0.0)
    return local_LBS
