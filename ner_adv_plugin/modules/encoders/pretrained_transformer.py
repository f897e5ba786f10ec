"""Pretrained Hugging Face transformers as encoders.

Shape suffixes: B sequences, L characters, P subwords, N tokens of one encoder call, K kept subwords
of it, D hidden size, E size of an embedding.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.piece_alphabet import PieceAlphabet
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.data.windows import cover, length_groups, runs
from ner_adv_plugin.modules.dropout import Dropout, replace_dropout
from ner_adv_plugin.modules.encoders.bert import Bert
from ner_adv_plugin.modules.encoders.encoder import Encoder, LanguageModel
from ner_adv_plugin.modules.encoders.loading import (
    first_position,
    folder_of,
    language_model_weights,
    load_tokenizer,
    load_transformer,
    max_positions,
    recomputing,
    saved_folder,
    set_dropout,
)
from ner_adv_plugin.modules.encoders.packed_attention import attend_packed
from ner_adv_plugin.modules.encoders.packing import Packing
from ner_adv_plugin.modules.encoders.window_tokens import WindowTokens
from ner_adv_plugin.modules.products import padding_rows

# Model types that can encode several windows concatenated to one sequence: positions are determined
# by `position_ids` alone, and the attention function can be replaced.
PACKED = {"bert", "camembert", "electra", "ernie", "roberta", "xlm-roberta"}
# Fixed cost of an encoder call, in positions, by device type: the faster the arithmetic, the more.
CALL_OVERHEAD = {"cpu": 48, "cuda": 4096}
# Maximum number of positions of an encoder call: bounds memory in prediction, whatever the length
# of a sequence.
MAX_POSITIONS = 32768
# Number of positions from which the states inside the layers are computed again in the backward
# pass instead of being kept. Results are the same, bit for bit.
MOST_KEPT = 20_000


@Encoder.register("pretrained_transformer")
class PretrainedTransformer(Encoder):
    """Hugging Face transformer with one position per character, whatever its tokenizer.

    Each character is tokenized on its own; if it is split into several subwords, their states are
    averaged. Sequences longer than the transformer's maximum are encoded in overlapping windows
    whose states are stitched. On a CPU, BERT and related models encode sequences without padding in
    one call; otherwise sequences of similar length are batched.

    Registered as "pretrained_transformer".

    # Parameters

    vocab : supplied; if it was read from an archive, the transformer's configuration and tokenizer
        are read from there, and its weights come with those of the model.
    model_name : folder, name on the Hugging Face Hub, `hf://ORG/NAME@REVISION`, or
        `modelscope://ORG/NAME@REVISION` (extra `modelscope`).
    dropout : dropout probability on the states.
    embedding_dropout : dropout probability on the subword embeddings, before positions are added.
    attention_dropout, hidden_dropout : dropout probabilities inside the layers; null for those of
        the pretrained configuration.
    frozen_layers : number of first layers to freeze together with the embeddings; -1 freezes all.
    window : maximum number of subwords encoded together, including special tokens; null for the
        transformer's maximum.
    overlap : minimum number of subwords that adjacent windows share.

    # Raises

    ConfigurationError : the transformer cannot be loaded, or a setting does not fit it.

    # Example

    ```jsonnet
    { type: 'pretrained_transformer', model_name: 'bert-base-chinese',
      dropout: 0.1, frozen_layers: 2, window: 512, overlap: 64 }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        model_name: str,
        dropout: float = 0.1,
        embedding_dropout: float = 0.0,
        attention_dropout: float | None = None,
        hidden_dropout: float | None = None,
        frozen_layers: int = 0,
        window: int | None = None,
        overlap: int = 64,
    ) -> None:
        super().__init__()

        folder = folder_of(vocab, model_name)
        with_weights = saved_folder(vocab) is None
        # Where pretrained weights come from; those of an archive come with the model.
        self._source = folder if with_weights else None
        self.tokenizer, config = load_tokenizer(folder, model_name, with_weights)
        set_dropout(config, "attention_probs_dropout_prob", attention_dropout, "attention_dropout")
        set_dropout(config, "hidden_dropout_prob", hidden_dropout, "hidden_dropout")
        self.transformer = load_transformer(folder, config, with_weights)
        replace_dropout(self.transformer)
        if config.model_type in PACKED and not isinstance(self.transformer, Bert):
            attend_packed(self.transformer)

        self.alphabet = PieceAlphabet(self.tokenizer)
        self.prefix, self.suffix = self.alphabet.special_tokens()
        limit = min(int(self.tokenizer.model_max_length), max_positions(self.transformer))
        if window is not None and window > limit:
            raise ConfigurationError(
                f"expected at most {limit}, the encoder's maximum, found {window}", "window"
            )
        self.window = (window or limit) - len(self.prefix) - len(self.suffix)
        if not 0 <= overlap < self.window:
            raise ConfigurationError(
                f"expected 0 or more and less than {self.window}, the window without special"
                f" tokens, found {overlap}",
                "overlap",
            )
        self.overlap = overlap

        self.embedding_dropout = Dropout(embedding_dropout)
        self.dropout = Dropout(dropout)
        self._freeze(frozen_layers)

    @classmethod
    def alphabet_of(cls, vocab: Vocabulary, settings: Mapping[str, Any]) -> Alphabet:
        """See `Encoder.alphabet_of`: only the tokenizer is loaded."""
        model_name = settings["model_name"]
        return PieceAlphabet(load_tokenizer(folder_of(vocab, model_name), model_name)[0])

    def _freeze(self, layers: int) -> None:
        """Freeze the embeddings and the first layers; all layers if negative."""
        if layers == 0:
            return

        stack = getattr(getattr(self.transformer, "encoder", None), "layer", None)
        if stack is None:
            model_type = self.transformer.config.model_type
            raise ConfigurationError(
                f"layers of a {model_type} model cannot be frozen by number; use trainer.no_grad to"
                " freeze parameters by name",
                "frozen_layers",
            )
        if layers > len(stack):
            raise ConfigurationError(
                f"the encoder has {len(stack)} layers, found {layers}", "frozen_layers"
            )

        frozen = stack if layers < 0 else stack[:layers]
        for module in (self.transformer.embeddings, *frozen):
            module.requires_grad_(False)

    def get_output_dim(self) -> int:
        """See `Encoder.get_output_dim`."""
        return int(self.transformer.config.hidden_size)

    def language_model(self) -> LanguageModel:
        """See `Encoder.language_model`: with the pretrained head, if the checkpoint has one.

        A tokenizer without a mask token masks with its unknown token.
        """
        tokenizer, config = self.tokenizer, self.transformer.config
        unknown = int(tokenizer.unk_token_id)
        mask = unknown if tokenizer.mask_token_id is None else int(tokenizer.mask_token_id)
        return LanguageModel(
            mask,
            frozenset(map(int, tokenizer.all_special_ids)),
            self.transformer.get_input_embeddings(),
            str(getattr(config, "hidden_act", "gelu")),
            float(getattr(config, "layer_norm_eps", 1e-12)),
            {} if self._source is None else language_model_weights(self._source, config),
        )

    def save_files(self, directory: Path) -> None:
        """See `Encoder.save_files`: the transformer's configuration and tokenizer."""
        self.transformer.config.save_pretrained(directory / "encoder")
        self.tokenizer.save_pretrained(directory / "encoder")

    def forward(self, batch: Batch) -> Tensor:
        """See `Encoder.forward`."""
        self.positions = 0
        if not self.alphabet.composites:
            return self._encode(batch.token_ids_BL, batch.lengths)
        return self._encode_composites(batch)

    def _encode_composites(self, batch: Batch) -> Tensor:
        """Encode subwords and average the states of each character."""
        device = batch.device
        assert isinstance(self.alphabet, PieceAlphabet)
        subwords, characters, lengths = self.alphabet.expanded(
            batch.token_ids_BL.cpu().numpy(), batch.lengths
        )
        ids_BP, character_BP = torch.from_numpy(subwords), torch.from_numpy(characters)
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        original_order = index_tensor(np.argsort(order).tolist(), device)
        states_BPD = self._encode(
            ids_BP[order].to(device, non_blocking=True), [lengths[i] for i in order]
        )
        states_BPD = states_BPD[original_order]

        real_BP = (torch.arange(ids_BP.shape[1]) < torch.tensor(lengths)[:, None]).to(
            device, non_blocking=True
        )
        character_BP = character_BP.to(device, non_blocking=True)
        shape = (len(lengths), batch.mask_BL.shape[1], states_BPD.shape[-1])
        index = character_BP[..., None].expand_as(states_BPD)
        sums_BLD = states_BPD.new_zeros(shape).scatter_add(
            1, index, states_BPD * real_BP[..., None]
        )
        counts_BL = states_BPD.new_zeros(shape[:2]).scatter_add(
            1, character_BP, real_BP.to(states_BPD.dtype)
        )
        return sums_BLD / counts_BL.clamp(min=1)[..., None]

    def _encode(self, ids_BP: Tensor, lengths: Sequence[int]) -> Tensor:
        """Encode subwords.

        # Parameters

        ids_BP : subword indices of the sequences, longest sequence first.
        lengths : number of subwords of each sequence.

        # Returns

        States, (B, P, D).
        """
        windows = [
            window
            for sequence, length in enumerate(lengths)
            for window in cover(sequence, length, self.window, self.overlap)
        ]
        windows.sort(key=lambda window: -len(window))
        embedding = self.transformer.get_input_embeddings()
        self.measure(ids_BP, lengths, embedding)
        added_BPE = self.added(ids_BP, embedding.embedding_dim)
        packed = ids_BP.is_cpu and self.transformer.config.model_type in PACKED
        sizes = [len(window) + len(self.prefix) + len(self.suffix) for window in windows]
        overhead = CALL_OVERHEAD.get(ids_BP.device.type, 4096)
        calls = (
            runs(sizes, MAX_POSITIONS) if packed else length_groups(sizes, overhead, MAX_POSITIONS)
        )

        kept_states, targets = [], []
        for first, last in calls:
            tokens = WindowTokens(windows[first:last], self.prefix, self.suffix, ids_BP)
            vectors_NE = embedding(tokens.ids_N)
            if added_BPE is not None:
                vectors_NE = vectors_NE.index_add(
                    0, tokens.subword_M, added_BPE.flatten(0, 1)[tokens.source_M]
                )
            encode = self._encode_packed if packed else self._encode_padded
            states_ND = encode(self.embedding_dropout(vectors_NE), tokens)
            kept_states.append(states_ND.index_select(0, tokens.kept_K))
            targets.append(tokens.target_K)

        states_KD = self.dropout(torch.cat(kept_states))
        result = states_KD.new_zeros(ids_BP.numel(), states_KD.shape[-1])
        return result.index_copy(0, torch.cat(targets), states_KD).view(*ids_BP.shape, -1)

    def _encode_packed(self, vectors_NE: Tensor, tokens: WindowTokens) -> Tensor:
        """Encode all windows as one sequence without padding; return states, (N, D)."""
        # Sequences of a single token, which no other reads.
        added = padding_rows(len(tokens))
        self.positions += len(tokens) + added
        positions_N = pad(tokens.position_N, (0, added)) + first_position(self.transformer)
        with recomputing(self.transformer, len(tokens) >= MOST_KEPT):
            output = self.transformer(
                inputs_embeds=pad(vectors_NE, (0, 0, 0, added))[None],
                position_ids=positions_N[None],
                packing=Packing(tokens.lengths + added * [1]),
            )
        states_ND: Tensor = output.last_hidden_state[0, : len(tokens)]
        return states_ND

    def _encode_padded(self, vectors_NE: Tensor, tokens: WindowTokens) -> Tensor:
        """Encode each window as a padded sequence; return states, (N, D)."""
        count = len(tokens.lengths)
        size = max(tokens.lengths)
        self.positions += count * size
        index_N = tokens.window_N * size + tokens.position_N
        vectors = vectors_NE.new_zeros(count * size, vectors_NE.shape[-1]).index_copy(
            0, index_N, vectors_NE
        )
        mask = index_N.new_zeros(count * size).index_fill(0, index_N, 1)
        output = self.transformer(
            inputs_embeds=vectors.view(count, size, -1), attention_mask=mask.view(count, size)
        )
        states_ND: Tensor = output.last_hidden_state.flatten(0, 1).index_select(0, index_N)
        return states_ND
