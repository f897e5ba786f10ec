"""Batched n-best decoding of a linear-chain CRF.

Shape suffixes: B sequences, L positions, T tags, S = T + 1 states (the tags and "stopped"), N
paths, A = S x N candidates.
"""

import torch
from torch import Tensor

from ner_adv_plugin.modules.crf.viterbi import local_scores, transitions_with_stop


def n_best(
    emissions: Tensor, lengths: Tensor, starts: Tensor, transitions: Tensor, ends: Tensor, n: int
) -> tuple[Tensor, Tensor]:
    """Find the n best tag paths of each sequence by the parallel list Viterbi algorithm.

    Each state keeps its n best partial paths, all different (Seshadri and Sundberg 1994, "List
    Viterbi decoding algorithms with applications"). As in `viterbi`, finished sequences stay in the
    state "stopped".

    # Parameters

    emissions, lengths, starts, transitions, ends : see `viterbi`.
    n : number of paths, 1 or more.

    # Returns

    Tags, (B, N, L) long, 0 at padding, and scores, (B, N), descending. If a sequence has fewer
    paths, the remaining scores are -inf and their tags 0.

    # Raises

    ValueError : n is less than 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")

    sequences, length, tags = emissions.shape
    local_LBS = local_scores(emissions, lengths)
    local_LBS[0, :, :tags] += starts
    into_SS1 = transitions_with_stop(transitions, ends).unsqueeze(-1)

    best_BSN = emissions.new_full((sequences, tags + 1, n), -torch.inf)
    best_BSN[..., 0] = local_LBS[0]
    origins_LBSN = lengths.new_empty(length, sequences, tags + 1, n, dtype=torch.int32)
    for origin_BSN, local_BS in zip(origins_LBSN.unbind(0), local_LBS[1:].unbind(0), strict=True):
        candidates_BSA = (best_BSN.unsqueeze(1) + into_SS1).flatten(2)
        best_BSN, chosen_BSN = candidates_BSA.topk(n, dim=2)
        best_BSN = best_BSN + local_BS.unsqueeze(-1)
        origin_BSN.copy_(chosen_BSN)

    # Index of a partial path among all of its step: state x n + rank.
    index_BN = tags * n + torch.arange(n, device=lengths.device).expand(sequences, n)
    path_LBN = lengths.new_empty(length, sequences, n)
    for chosen_BN, origin_BSN in reversed(
        list(zip(path_LBN.unbind(0), origins_LBSN.unbind(0), strict=True))
    ):
        index_BN = origin_BSN.flatten(1).gather(1, index_BN).long()
        chosen_BN.copy_(index_BN // n)

    scores_BN = best_BSN[:, tags]
    no_tag_LBN = (path_LBN == tags) | (scores_BN == -torch.inf)
    return path_LBN.masked_fill_(no_tag_LBN, 0).permute(1, 2, 0), scores_BN
