"""Pretrained encoders of the Hugging Face kind.

Shape suffixes: B sequences, L characters, P pieces, N tokens of one encoder call, D hidden size, E size of an embedding.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.dropout import Dropout, draw_cheaply
from ner_adv_plugin.modules.encoders.encoder import Encoder
from ner_adv_plugin.modules.encoders.loading import (
    first_position,
    folder_of,
    load_tokenizer,
    load_transformer,
    most_positions,
    set_dropout,
)
from ner_adv_plugin.modules.encoders.packed_attention import Packing, attend_packed
from ner_adv_plugin.modules.encoders.piece_alphabet import PieceAlphabet
from ner_adv_plugin.modules.encoders.window_tokens import WindowTokens
from ner_adv_plugin.modules.encoders.windows import cover, length_groups, runs

# Kinds whose tokens need not stand in sequences of their own: these tell positions by `position_ids` alone, and take from
# `transformers` whatever attention is asked for.
PACKED = {"bert", "camembert", "electra", "ernie", "roberta", "xlm-roberta"}
# What one more encoder call costs, in positions: little where arithmetic is slow, much where it is fast.
CALL_OVERHEAD = {"cpu": 48, "cuda": 4096}
# Positions of one encoder call at most, which bounds memory in prediction whatever the length of a sequence.
MAX_POSITIONS = 32768


@Encoder.register("pretrained_transformer")
class PretrainedTransformer(Encoder):
    """A transformer of Hugging Face's, one position a character whatever its tokenizer.

    Each character is tokenized by itself; the states of one cut into several pieces are averaged. Sequences longer
    than the transformer takes are encoded in overlapping windows whose states are stitched. On a CPU the sequences of
    a BERT, and of its kin, are encoded without padding, in one call; elsewhere sequences of similar length together.
    Registered as "pretrained_transformer".

    # Parameters

    vocab : supplied; where it was read from an archive, the transformer's configuration and tokenizer are
        there and its weights come with the model's.
    model_name : folder, or name on the Hugging Face hub.
    dropout : on the states.
    embedding_dropout : on the vectors of the pieces, before positions are added.
    attention_dropout, hidden_dropout : inside the layers; the transformer's own where null.
    frozen_layers : so many first layers, and the embeddings, keep their pretrained values; -1 freezes all.
    window : pieces encoded together at most, special tokens included; what the transformer takes where null.
    overlap : pieces that neighbouring windows share at least.
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
        self.tokenizer, config = load_tokenizer(folder, model_name)
        set_dropout(config, "attention_probs_dropout_prob", attention_dropout, "attention_dropout")
        set_dropout(config, "hidden_dropout_prob", hidden_dropout, "hidden_dropout")
        self.transformer = load_transformer(folder, config, with_weights=folder == model_name)
        draw_cheaply(self.transformer)
        if config.model_type in PACKED:
            attend_packed(self.transformer)
        self.alphabet = PieceAlphabet(self.tokenizer)
        self.prefix, self.suffix = self.alphabet.special_tokens()
        limit = min(int(self.tokenizer.model_max_length), most_positions(self.transformer))
        if window is not None and window > limit:
            raise ConfigurationError(f"the encoder takes {limit} pieces, found {window}", "window")
        self.window = (window or limit) - len(self.prefix) - len(self.suffix)
        if not 0 <= overlap < self.window:
            raise ConfigurationError(
                f"overlap {overlap} leaves nothing of a window of {self.window}", "overlap"
            )
        self.overlap = overlap
        self.embedding_dropout = Dropout(embedding_dropout)
        self.dropout = Dropout(dropout)
        self._freeze(frozen_layers)

    @classmethod
    def alphabet_of(cls, vocab: Vocabulary, settings: Mapping[str, Any]) -> Alphabet:
        """See `Encoder.alphabet_of`: the tokenizer's."""
        model_name = settings["model_name"]
        return PieceAlphabet(load_tokenizer(folder_of(vocab, model_name), model_name)[0])

    def _freeze(self, layers: int) -> None:
        if layers == 0:
            return
        stack = getattr(getattr(self.transformer, "encoder", None), "layer", None)
        if stack is None:
            kind = self.transformer.config.model_type
            raise ConfigurationError(
                f"no numbered layers in a {kind}; trainer.no_grad freezes by name", "frozen_layers"
            )
        if layers > len(stack):
            raise ConfigurationError(
                f"the encoder has {len(stack)} layers, found {layers}", "frozen_layers"
            )
        kept = stack if layers < 0 else stack[:layers]
        for module in (self.transformer.embeddings, *kept):
            module.requires_grad_(False)

    def get_output_dim(self) -> int:
        """See `Encoder.get_output_dim`."""
        return int(self.transformer.config.hidden_size)

    def save_files(self, directory: Path) -> None:
        """The transformer's configuration and its tokenizer, without weights."""
        self.transformer.config.save_pretrained(directory / "encoder")
        self.tokenizer.save_pretrained(directory / "encoder")

    def forward(self, batch: Batch) -> Tensor:
        """See `Encoder.forward`."""
        self.positions = 0
        if not self.alphabet.composites:
            return self._encode(batch.token_ids_BL, batch.lengths)
        return self._encode_composites(batch)

    def _encode_composites(self, batch: Batch) -> Tensor:
        """Encode pieces and average those of a character."""
        sequences = [
            sequence[:n].tolist()
            for sequence, n in zip(batch.token_ids_BL.cpu(), batch.lengths, strict=True)
        ]
        assert isinstance(self.alphabet, PieceAlphabet)
        pieces = [[self.alphabet.expand(index) for index in sequence] for sequence in sequences]
        lengths = [sum(len(p) for p in sequence) for sequence in pieces]
        ids_BP = torch.zeros(len(sequences), max(lengths, default=0), dtype=torch.long)
        owner_BP = torch.zeros_like(ids_BP)
        for i, sequence in enumerate(pieces):
            ids_BP[i, : lengths[i]] = torch.tensor([piece for p in sequence for piece in p])
            owner_BP[i, : lengths[i]] = torch.tensor([c for c, p in enumerate(sequence) for _ in p])
        device = batch.device
        order = sorted(range(len(sequences)), key=lambda i: -lengths[i])
        back = torch.tensor(np.argsort(order), device=device)
        states_BPD = self._encode(ids_BP[order].to(device), [lengths[i] for i in order])[back]
        real_BP = (torch.arange(ids_BP.shape[1]) < torch.tensor(lengths)[:, None]).to(device)
        owner_BP = owner_BP.to(device)
        shape = (len(sequences), batch.mask_BL.shape[1], states_BPD.shape[-1])
        index = owner_BP[..., None].expand_as(states_BPD)
        sums_BLD = states_BPD.new_zeros(shape).scatter_add(
            1, index, states_BPD * real_BP[..., None]
        )
        counts_BL = states_BPD.new_zeros(shape[:2]).scatter_add(
            1, owner_BP, real_BP.to(states_BPD.dtype)
        )
        return sums_BLD / counts_BL.clamp(min=1)[..., None]

    def _encode(self, ids_BP: Tensor, lengths: Sequence[int]) -> Tensor:
        """States of pieces, (B, P, D), sequences longest first."""
        windows = [
            w
            for sequence, n in enumerate(lengths)
            for w in cover(sequence, n, self.window, self.overlap)
        ]
        windows.sort(key=lambda w: -len(w))
        added_BPE = self.added(ids_BP, self.transformer.get_input_embeddings().embedding_dim)
        packs = ids_BP.is_cpu and self.transformer.config.model_type in PACKED
        sizes = [len(w) + len(self.prefix) + len(self.suffix) for w in windows]
        overhead = CALL_OVERHEAD.get(ids_BP.device.type, 4096)
        flat, places = [], []
        for first, last in (
            runs(sizes, MAX_POSITIONS) if packs else length_groups(sizes, overhead, MAX_POSITIONS)
        ):
            tokens = WindowTokens(windows[first:last], self.prefix, self.suffix, ids_BP)
            vectors_NE = self.transformer.get_input_embeddings()(tokens.ids_N)
            if added_BPE is not None:
                vectors_NE = vectors_NE.index_add(
                    0, tokens.piece_M, added_BPE.flatten(0, 1)[tokens.source_M]
                )
            states_ND = (self._packed if packs else self._padded)(
                self.embedding_dropout(vectors_NE), tokens
            )
            flat.append(states_ND.index_select(0, tokens.kept_K))
            places.append(tokens.place_K)
        states = self.dropout(torch.cat(flat))
        out = states.new_zeros(ids_BP.numel(), states.shape[-1])
        return out.index_copy(0, torch.cat(places), states).view(*ids_BP.shape, -1)

    def _packed(self, vectors_NE: Tensor, tokens: WindowTokens) -> Tensor:
        """States of tokens (N, D), all in one sequence for the transformer."""
        self.positions += len(tokens)
        output = self.transformer(
            inputs_embeds=vectors_NE[None],
            position_ids=tokens.position_N[None] + first_position(self.transformer),
            packing=Packing(tokens.lengths),
        )
        states_ND: Tensor = output.last_hidden_state[0]
        return states_ND

    def _padded(self, vectors_NE: Tensor, tokens: WindowTokens) -> Tensor:
        """States of tokens (N, D), every window a sequence for the transformer."""
        count, size = len(tokens.lengths), max(tokens.lengths)
        self.positions += count * size
        place_N = tokens.window_N * size + tokens.position_N
        vectors = vectors_NE.new_zeros(count * size, vectors_NE.shape[-1]).index_copy(
            0, place_N, vectors_NE
        )
        mask = place_N.new_zeros(count * size).index_fill(0, place_N, 1)
        output = self.transformer(
            inputs_embeds=vectors.view(count, size, -1), attention_mask=mask.view(count, size)
        )
        states_ND: Tensor = output.last_hidden_state.flatten(0, 1).index_select(0, place_N)
        return states_ND
