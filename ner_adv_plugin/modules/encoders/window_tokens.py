"""Concatenated tokens of windows, and their positions in the original sequences.

Shape suffixes: N tokens of all windows including special tokens, M subwords among them, K subwords
whose states are kept; B sequences, P subwords of the longest sequence.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.modules.encoders.windows import Window


class WindowTokens:
    """Tokens of windows, concatenated without padding: prefix, subwords and suffix of each window.

    # Parameters

    windows : windows over the sequences.
    prefix, suffix : special tokens added to each window.
    ids_BP : subword indices of the sequences.

    # Attributes

    lengths : number of tokens of each window.
    ids_N : index of each token.
    window_N : window of each token.
    position_N : position of each token in its window.
    subword_M : index in N of each subword.
    source_M : position of each subword in the flattened (B, P).
    kept_K : index in N of each kept subword.
    target_K : position of each kept subword in the flattened (B, P).
    """

    def __init__(
        self,
        windows: Sequence[Window],
        prefix: Sequence[int],
        suffix: Sequence[int],
        ids_BP: Tensor,
    ) -> None:
        self._device = ids_BP.device
        bounds = np.array(
            [[w.sequence, w.start, len(w), w.keep_start, w.keep_stop] for w in windows]
        )
        sizes = bounds[:, 2] + len(prefix) + len(suffix)
        self.lengths: list[int] = sizes.tolist()

        window = np.repeat(np.arange(len(windows)), sizes)
        position = np.arange(len(window)) - np.repeat(sizes.cumsum() - sizes, sizes)
        sequence, start, length, keep_start, keep_stop = bounds[window].T
        inside = position - len(prefix)

        special = np.zeros(len(window), dtype=np.int64)
        for i, token in enumerate(prefix):
            special[position == i] = token
        for i, token in enumerate(suffix):
            special[inside == length + i] = token

        in_sequence = start + inside
        is_subword = (inside >= 0) & (inside < length)
        is_kept = is_subword & (in_sequence >= keep_start) & (in_sequence < keep_stop)
        source = sequence * ids_BP.shape[1] + in_sequence

        self.window_N = self._tensor(window)
        self.position_N = self._tensor(position)
        self.subword_M = self._tensor(np.flatnonzero(is_subword))
        self.source_M = self._tensor(source[is_subword])
        self.kept_K = self._tensor(np.flatnonzero(is_kept))
        self.target_K = self._tensor(source[is_kept])
        self.ids_N = self._tensor(special).index_copy(
            0, self.subword_M, ids_BP.flatten()[self.source_M]
        )

    def _tensor(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._device)

    def __len__(self) -> int:
        return len(self.ids_N)
