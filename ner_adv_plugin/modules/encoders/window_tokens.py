"""The tokens of windows one after the other: special ones, pieces, special ones, and where each belongs.

Shape suffixes: N tokens of all windows, M pieces among them, K of those kept; B sequences, P pieces of the longest sequence.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.modules.encoders.windows import Window


class WindowTokens:
    """Tokens of windows, without padding between them.

    # Parameters

    windows : over sequences of pieces.
    prefix, suffix : special tokens around each.
    ids_BP : pieces of the sequences.
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
        of_sequence = start + inside
        is_piece = (inside >= 0) & (inside < length)
        is_kept = is_piece & (of_sequence >= keep_start) & (of_sequence < keep_stop)
        source = sequence * ids_BP.shape[1] + of_sequence
        self.window_N = self._tensor(window)
        self.position_N = self._tensor(position)
        self.piece_M = self._tensor(np.flatnonzero(is_piece))
        # Where pieces, and kept ones, stand in (B, P), flat.
        self.source_M = self._tensor(source[is_piece])
        self.kept_K = self._tensor(np.flatnonzero(is_kept))
        self.place_K = self._tensor(source[is_kept])
        self.ids_N = self._tensor(special).index_copy(
            0, self.piece_M, ids_BP.flatten()[self.source_M]
        )

    def _tensor(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._device)

    def __len__(self) -> int:
        return len(self.ids_N)
