"""The n best tag paths of a linear-chain CRF, for a whole batch at once.

Shape suffixes: B sequences, L positions, T tags, S = T + 1 states, N paths, A = S x N arrivals.
"""

import torch
from torch import Tensor

from ner_adv_plugin.modules.crf.viterbi import local_scores, moves_into


def n_best(
    emissions: Tensor, lengths: Tensor, starts: Tensor, transitions: Tensor, ends: Tensor, n: int
) -> tuple[Tensor, Tensor]:
    """The n best tag paths of every sequence and their scores (Seshadri and Sundberg 1994, "List Viterbi decoding
    algorithms with applications", the parallel algorithm).

    Every state keeps its n best ways there; they differ, so that the paths do. As in `viterbi`, a sequence that ended
    waits in the state "stopped".

    Parameters: as in `viterbi`, and n, 1 or more.
    Returns tags (B, N, L) long, 0 beyond the sequence, and scores (B, N), falling, -inf where a sequence has fewer paths,
    whose tags are 0.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    sequences, length, tags = emissions.shape
    local_LBS = local_scores(emissions, lengths)
    local_LBS[0, :, :tags] += starts
    into_SS1 = moves_into(transitions, ends).unsqueeze(-1)

    best_BSN = emissions.new_full((sequences, tags + 1, n), -torch.inf)
    best_BSN[..., 0] = local_LBS[0]
    origins_LBSN = lengths.new_empty(length, sequences, tags + 1, n, dtype=torch.int32)
    for origin_BSN, local_BS in zip(origins_LBSN.unbind(0), local_LBS[1:].unbind(0), strict=True):
        arrivals_BSA = (best_BSN.unsqueeze(1) + into_SS1).flatten(2)
        best_BSN, chosen_BSN = arrivals_BSA.topk(n, dim=2)
        best_BSN = best_BSN + local_BS.unsqueeze(-1)
        origin_BSN.copy_(chosen_BSN)

    # A way is named by its state and its rank there: state x n + rank.
    way_BN = tags * n + torch.arange(n, device=lengths.device).expand(sequences, n)
    path_LBN = lengths.new_empty(length, sequences, n)
    for chosen_BN, origin_BSN in reversed(
        list(zip(path_LBN.unbind(0), origins_LBSN.unbind(0), strict=True))
    ):
        way_BN = origin_BSN.flatten(1).gather(1, way_BN).long()
        chosen_BN.copy_(way_BN // n)
    scores_BN = best_BSN[:, tags]
    nothing_LBN = (path_LBN == tags) | (scores_BN == -torch.inf)
    return path_LBN.masked_fill_(nothing_LBN, 0).permute(1, 2, 0), scores_BN
