"""Batched n-best decoding of a linear-chain CRF.

Shape suffixes: B sequences, L positions, T tags, S = T + 1 states (the tags and "stopped"), N
paths, K blocks of C paths, A = K x C candidates.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ner_adv_plugin.modules.crf.viterbi import local_scores, transitions_with_stop

# For fewer paths, it is faster to compare all partial paths than to select blocks of them.
_MIN_FOR_BLOCKS = 32


class NBest(NamedTuple):
    """The N best tag paths of each sequence, best first.

    # Parameters

    tags_BNL : tags, (B, N, L) long; 0 at padding, and for missing paths if a sequence has fewer
        than N.
    scores_BN : scores of the paths, (B, N); -inf for missing paths.
    probabilities_BN : probabilities of the paths, (B, N); 0 for missing paths.
    """

    tags_BNL: Tensor
    scores_BN: Tensor
    probabilities_BN: Tensor


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
    into_SS = transitions_with_stop(transitions, ends)

    # Ranks are rounded up to whole blocks.
    size = math.isqrt(n) if n >= _MIN_FOR_BLOCKS else 1
    ranks = -(-n // size) * size
    best_BSN = emissions.new_full((sequences, tags + 1, ranks), -torch.inf)
    best_BSN[..., 0] = local_LBS[0]
    origins_LBSN = lengths.new_empty(length, sequences, tags + 1, ranks, dtype=torch.int32)
    for origin_BSN, local_BS in zip(origins_LBSN.unbind(0), local_LBS[1:].unbind(0), strict=True):
        best_BSN, chosen_BSN = _merged(best_BSN, into_SS, size)
        best_BSN = best_BSN + local_BS.unsqueeze(-1)
        origin_BSN.copy_(chosen_BSN)

    # Index of a partial path among all of its step: state x ranks + rank.
    index_BN = tags * ranks + torch.arange(n, device=lengths.device).expand(sequences, n)
    path_LBN = lengths.new_empty(length, sequences, n)
    for chosen_BN, origin_BSN in reversed(
        list(zip(path_LBN.unbind(0), origins_LBSN.unbind(0), strict=True))
    ):
        index_BN = origin_BSN.flatten(1).gather(1, index_BN).long()
        chosen_BN.copy_(index_BN // ranks)

    scores_BN = best_BSN[:, tags, :n]
    no_tag_LBN = (path_LBN == tags) | (scores_BN == -torch.inf)
    return path_LBN.masked_fill_(no_tag_LBN, 0).permute(1, 2, 0), scores_BN


def _merged(best_BSN: Tensor, into_SS: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Merge the descending lists of all states into the N best partial paths of each next state.

    A list is divided into blocks. Of all blocks of a next state, ordered by their first and best
    score, N / size + S contain its N best paths: every list has at most one block that is only
    partly better than the first score of the next block in that order.

    # Parameters

    best_BSN : scores of the partial paths of each state, descending.
    into_SS : transition scores, [to, from].
    size : number of paths in a block, a divisor of N.

    # Returns

    (B, S, N) scores, descending, and indices of the paths: state x N + rank.
    """
    sequences, states, ranks = best_BSN.shape
    blocks = ranks // size
    first_BSK = best_BSN[..., ::size].unsqueeze(1) + into_SS.unsqueeze(-1)
    if size == 1:
        return first_BSK.flatten(2).topk(ranks, dim=2)

    number = min(blocks + states, blocks * states)
    block_BSK = first_BSK.flatten(2).topk(number, dim=2, sorted=False).indices
    into_BSK1 = into_SS.expand(sequences, -1, -1).gather(2, block_BSK // blocks).unsqueeze(-1)
    index_BK = block_BSK.flatten(1).unsqueeze(-1).expand(-1, -1, size)
    scores_BKC = best_BSN.view(sequences, states * blocks, size).gather(1, index_BK)
    scores_BSA = (scores_BKC.view(sequences, states, number, size) + into_BSK1).flatten(2)

    merged_BSN, chosen_BSN = scores_BSA.topk(ranks, dim=2)
    block_BSN = block_BSK.gather(2, chosen_BSN // size)
    return merged_BSN, block_BSN * size + chosen_BSN % size
