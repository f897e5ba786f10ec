"""Best tag paths of a linear-chain CRF, for a whole batch at once.

Shape suffixes: B sequences, L positions, T tags, S = T + 1 states.
"""

from itertools import pairwise

import torch
from torch import Tensor


def viterbi(
    emissions: Tensor, lengths: Tensor, starts: Tensor, transitions: Tensor, ends: Tensor
) -> tuple[Tensor, Tensor]:
    """Best tag path of every sequence and its score (Forney 1973, "The Viterbi algorithm").

    After its last position a sequence stays in one more state, "stopped", which is entered at the end scores, so
    sequences of any length take the same steps. Only values are kept: the trace back asks, for the one chosen
    state, which predecessor gave its value.

    Parameters: emissions (B, L, T), 0 beyond a sequence's length; lengths (B,) long, 0 allowed; starts (T,);
    transitions (T, T), from sequence to column; ends (T,); forbidden ones -inf.
    Returns tags (B, L) long, 0 beyond the sequence, and scores (B,), -inf for a sequence without an admissible path.
    """
    sequences, length, tags = emissions.shape
    best_LBS = local_scores(emissions, lengths)
    best_LBS[0, :, :tags] += starts
    into_SS = moves_into(transitions, ends)

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


def moves_into(transitions_TT: Tensor, ends_T: Tensor) -> Tensor:
    """(S, S): scores of moves, [to, from], with those into "stopped", which nothing leaves."""
    tags = len(ends_T)
    into_SS = torch.nn.functional.pad(transitions_TT.T, (0, 1, 0, 1), value=-torch.inf)
    into_SS[tags, :tags] = ends_T
    into_SS[tags, tags] = 0.0
    return into_SS


def local_scores(emissions_BLT: Tensor, lengths_B: Tensor) -> Tensor:
    """(L + 1, B, S): emissions inside the sequence, then 0 for "stopped"; the rest -inf."""
    sequences, length, tags = emissions_BLT.shape
    inside_LB = torch.arange(length + 1, device=lengths_B.device).unsqueeze(1) < lengths_B
    local_LBS = emissions_BLT.new_full((length + 1, sequences, tags + 1), -torch.inf)
    local_LBS[:-1, :, :tags] = emissions_BLT.transpose(0, 1)
    local_LBS[:, :, :tags].masked_fill_(~inside_LB.unsqueeze(-1), -torch.inf)
    local_LBS[:, :, tags].masked_fill_(~inside_LB, 0.0)
    return local_LBS
