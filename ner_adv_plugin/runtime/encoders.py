"""States of characters, from graphs of encoders.

Shape suffixes: B sentences, L characters, P subwords, W windows, N tokens of a window, D state
size.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet
from ner_adv_plugin.data.piece_alphabet import PieceAlphabet
from ner_adv_plugin.data.vocabulary_files import entries_of
from ner_adv_plugin.data.window_layout import WindowLayout
from ner_adv_plugin.data.windows import cover, length_groups
from ner_adv_plugin.runtime.files import CHARACTERS, TOKENIZER, Subwords
from ner_adv_plugin.runtime.graphs import Graph

# Index of unknown characters in `characters.txt`.
UNKNOWN = 1
# Fixed cost of a call of the graph in positions, and the maximum number of positions of a call.
CALL_OVERHEAD = 48
MAX_POSITIONS = 32768
States = NDArray[np.float32]


class CharacterEncoder:
    """Encoder with a state for each character, without subwords.

    # Parameters

    folder : folder of the character vocabulary.
    graph : token indices to states.
    """

    def __init__(self, folder: Path, graph: Graph) -> None:
        try:
            entries = entries_of(CHARACTERS, (folder / CHARACTERS).read_bytes())
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}/{CHARACTERS} is not valid: {error}") from error
        indices = {character: index for index, character in enumerate(entries)}
        self.alphabet: Alphabet = CharacterAlphabet(indices, UNKNOWN)
        self._graph = graph

    def states(self, ids_BL: NDArray[np.int64], lengths: Sequence[int]) -> States:
        """Compute the states, (B, L, D), undefined at padding.

        # Parameters

        ids_BL : indices of characters, 0 at padding.
        lengths : number of characters of each sentence, longest first.
        """
        return self._graph(token_ids=ids_BL)


class SubwordEncoder:
    """Transformer that encodes windows of subwords.

    # Parameters

    folder : folder of the tokenizer.
    graph : token indices and mask of windows to states.
    subwords : how characters become tokens.
    """

    def __init__(self, folder: Path, graph: Graph, subwords: Subwords) -> None:
        self.alphabet = PieceAlphabet(_Tokenizer(folder / TOKENIZER, subwords))
        self._graph = graph
        self._subwords = subwords

    def states(self, ids_BL: NDArray[np.int64], lengths: Sequence[int]) -> States:
        """See `CharacterEncoder.states`; the states of the subwords of a character are averaged."""
        if ids_BL.max(initial=0) < self.alphabet.size:
            return self._encode(ids_BL, lengths)

        ids_BP, character_BP, sizes = self.alphabet.expanded(ids_BL, lengths)
        states_BPD = self._encode(ids_BP, sizes)
        sums_BLD = np.zeros((*ids_BL.shape, states_BPD.shape[-1]), dtype=np.float32)
        counts_BL = np.zeros(ids_BL.shape, dtype=np.float32)
        sentence_S, position_S = np.nonzero(np.arange(ids_BP.shape[1]) < np.array(sizes)[:, None])
        index = sentence_S, character_BP[sentence_S, position_S]
        np.add.at(sums_BLD, index, states_BPD[sentence_S, position_S])
        np.add.at(counts_BL, index, 1)
        sums_BLD /= np.maximum(counts_BL, 1)[..., None]
        return sums_BLD

    def _encode(self, ids_BP: NDArray[np.int64], sizes: Sequence[int]) -> States:
        """Encode subwords; return their states, (B, P, D)."""
        settings = self._subwords
        windows = [
            window
            for sentence, size in enumerate(sizes)
            for window in cover(sentence, size, settings.window, settings.overlap)
        ]
        windows.sort(key=lambda window: -len(window))
        special = len(settings.prefix) + len(settings.suffix)
        tokens = [len(window) + special for window in windows]

        result: States | None = None
        for first, last in length_groups(tokens, CALL_OVERHEAD, MAX_POSITIONS):
            layout = WindowLayout(
                windows[first:last], settings.prefix, settings.suffix, ids_BP.shape[1]
            )
            ids_N = layout.special_N
            ids_N[layout.subword_M] = ids_BP.ravel()[layout.source_M]
            shape = last - first, max(layout.lengths)
            ids_WN = np.zeros(shape, dtype=np.int64)
            ids_WN[layout.window_N, layout.position_N] = ids_N
            mask_WN = np.arange(shape[1]) < np.array(layout.lengths)[:, None]

            states_WND = self._graph(token_ids=ids_WN, mask=mask_WN)
            if result is None:
                result = np.zeros((ids_BP.size, states_WND.shape[-1]), dtype=np.float32)
            kept = layout.window_N[layout.kept_K], layout.position_N[layout.kept_K]
            result[layout.target_K] = states_WND[kept]
        assert result is not None
        return result.reshape(*ids_BP.shape, -1)


class _Tokenizer:
    """A tokenizer of the library tokenizers, with what `PieceAlphabet` uses of transformers'."""

    def __init__(self, path: Path, subwords: Subwords) -> None:
        tokenizers = require_extra("tokenizers", "prediction without torch")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain exceptions
            raise UserError(f"{path} is not a tokenizer: {error}"[:300]) from error
        self._size = subwords.size
        self.unk_token_id = subwords.unknown

    def __len__(self) -> int:
        return self._size

    def __call__(self, texts: Sequence[str], add_special_tokens: bool) -> dict[str, Any]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=add_special_tokens)
        return {"input_ids": [encoding.ids for encoding in encodings]}

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str | None]:
        return [self._tokenizer.id_to_token(index) for index in ids]
