"""Concatenated tokens of windows as tensors.

Shape suffixes: N tokens of all windows including special tokens, M subwords among them, K subwords
whose states are kept; B sequences, P subwords of the longest sequence.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.data.window_layout import WindowLayout
from ner_adv_plugin.data.windows import Window


class WindowTokens:
    """Tokens of windows, concatenated without padding; see `WindowLayout`.

    # Parameters

    windows, prefix, suffix : see `WindowLayout`.
    ids_BP : subword indices of the sequences.

    # Attributes

    ids_N : index of each token.
    lengths, window_N, position_N, subword_M, source_M, kept_K, target_K : see `WindowLayout`.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        prefix: Sequence[int],
        suffix: Sequence[int],
        ids_BP: Tensor,
    ) -> None:
        layout = WindowLayout(windows, prefix, suffix, ids_BP.shape[1])
        self._device = ids_BP.device
        self.lengths = layout.lengths
        self.window_N = self._tensor(layout.window_N)
        self.position_N = self._tensor(layout.position_N)
        self.subword_M = self._tensor(layout.subword_M)
        self.source_M = self._tensor(layout.source_M)
        self.kept_K = self._tensor(layout.kept_K)
        self.target_K = self._tensor(layout.target_K)
        self.ids_N = self._tensor(layout.special_N).index_copy(
            0, self.subword_M, ids_BP.flatten()[self.source_M]
        )

    def _tensor(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._device, non_blocking=True)

    def __len__(self) -> int:
        return len(self.ids_N)
