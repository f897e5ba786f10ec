"""Where the tokens of windows come from and go to, without padding.

Shape suffixes: N tokens of all windows including special tokens, M subwords among them, K subwords
whose states are kept; B sequences, P subwords of the longest sequence.
"""

from collections.abc import Sequence

import numpy as np

from ner_adv_plugin.data.windows import Window


class WindowLayout:
    """Layout of the tokens of windows: prefix, subwords and suffix of each window in turn.

    # Parameters

    windows : windows over the sequences.
    prefix, suffix : special tokens added to each window.
    width : number of subwords of the longest sequence, P.

    # Attributes

    lengths : number of tokens of each window.
    special_N : index of each special token, 0 for subwords.
    window_N : window of each token.
    position_N : position of each token in its window.
    subword_M : index in N of each subword.
    source_M : position of each subword in the flattened (B, P).
    kept_K : index in N of each kept subword.
    target_K : position of each kept subword in the flattened (B, P).
    """

    def __init__(
        self, windows: Sequence[Window], prefix: Sequence[int], suffix: Sequence[int], width: int
    ) -> None:
        bounds = np.array(
            [[w.sequence, w.start, len(w), w.keep_start, w.keep_stop] for w in windows]
        )
        sizes = bounds[:, 2] + len(prefix) + len(suffix)
        self.lengths: list[int] = sizes.tolist()

        self.window_N = np.repeat(np.arange(len(windows)), sizes)
        self.position_N = np.arange(len(self.window_N)) - np.repeat(sizes.cumsum() - sizes, sizes)
        sequence, start, length, keep_start, keep_stop = bounds[self.window_N].T
        inside = self.position_N - len(prefix)

        self.special_N = np.zeros(len(self.window_N), dtype=np.int64)
        for i, token in enumerate(prefix):
            self.special_N[self.position_N == i] = token
        for i, token in enumerate(suffix):
            self.special_N[inside == length + i] = token

        in_sequence = start + inside
        is_subword = (inside >= 0) & (inside < length)
        is_kept = is_subword & (in_sequence >= keep_start) & (in_sequence < keep_stop)
        source = sequence * width + in_sequence
        self.subword_M, self.source_M = np.flatnonzero(is_subword), source[is_subword]
        self.kept_K, self.target_K = np.flatnonzero(is_kept), source[is_kept]
