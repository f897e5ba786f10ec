"""Pretrained encoders of the Hugging Face kind.

Shape suffixes: B rows, L characters, P pieces, G rows of one encoder call, D hidden size, E size of an embedding.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders.encoder import Encoder
from ner_adv_plugin.modules.encoders.piece_alphabet import PieceAlphabet
from ner_adv_plugin.modules.encoders.windows import Window, cover, length_groups

# What one more encoder call costs, in positions: little where arithmetic is slow, much where it is fast.
CALL_OVERHEAD = {"cpu": 48, "cuda": 4096}
# Positions of one encoder call at most, which bounds memory in prediction whatever the length of a row.
MAX_POSITIONS = 32768


@Encoder.register("pretrained_transformer")
class PretrainedTransformer(Encoder):
    """A transformer of Hugging Face's, one position a character whatever its tokenizer.

    Each character is tokenized by itself; the states of one cut into several pieces are averaged. Rows longer
    than the transformer takes are encoded in overlapping windows whose states are stitched. Rows of similar
    length are encoded together, to save padding.
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
        folder = _folder(vocab, model_name)
        self.tokenizer, config = _load_tokenizer(folder, model_name)
        _set(config, "attention_probs_dropout_prob", attention_dropout, "attention_dropout")
        _set(config, "hidden_dropout_prob", hidden_dropout, "hidden_dropout")
        self.transformer = _load_transformer(folder, config, with_weights=folder == model_name)
        self.alphabet = PieceAlphabet(self.tokenizer)
        self.prefix, self.suffix = self.alphabet.special_tokens()
        self.pad_id = int(self.tokenizer.pad_token_id or 0)
        limit = min(int(self.tokenizer.model_max_length), _most_positions(self.transformer))
        if window is not None and window > limit:
            raise ConfigurationError(f"the encoder takes {limit} pieces, found {window}", "window")
        self.window = (window or limit) - len(self.prefix) - len(self.suffix)
        if not 0 <= overlap < self.window:
            raise ConfigurationError(f"overlap {overlap} leaves nothing of a window of {self.window}", "overlap")
        self.overlap = overlap
        self.embedding_dropout = torch.nn.Dropout(embedding_dropout)
        self.dropout = torch.nn.Dropout(dropout)
        self._freeze(frozen_layers)

    @classmethod
    def alphabet_of(cls, vocab: Vocabulary, settings: Mapping[str, Any]) -> Alphabet:
        """See `Encoder.alphabet_of`: the tokenizer's."""
        model_name = settings["model_name"]
        return PieceAlphabet(_load_tokenizer(_folder(vocab, model_name), model_name)[0])

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
            raise ConfigurationError(f"the encoder has {len(stack)} layers, found {layers}", "frozen_layers")
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
        rows = [row[:n].tolist() for row, n in zip(batch.token_ids_BL.cpu(), batch.lengths, strict=True)]
        assert isinstance(self.alphabet, PieceAlphabet)
        pieces = [[self.alphabet.expand(index) for index in row] for row in rows]
        lengths = [sum(len(p) for p in row) for row in pieces]
        ids_BP = torch.zeros(len(rows), max(lengths, default=0), dtype=torch.long)
        owner_BP = torch.zeros_like(ids_BP)
        for i, row in enumerate(pieces):
            ids_BP[i, : lengths[i]] = torch.tensor([piece for p in row for piece in p])
            owner_BP[i, : lengths[i]] = torch.tensor([c for c, p in enumerate(row) for _ in p])
        device = batch.device
        order = sorted(range(len(rows)), key=lambda i: -lengths[i])
        back = torch.tensor(np.argsort(order), device=device)
        states_BPD = self._encode(ids_BP[order].to(device), [lengths[i] for i in order])[back]
        real_BP = (torch.arange(ids_BP.shape[1]) < torch.tensor(lengths)[:, None]).to(device)
        owner_BP = owner_BP.to(device)
        shape = (len(rows), batch.mask_BL.shape[1], states_BPD.shape[-1])
        index = owner_BP[..., None].expand_as(states_BPD)
        sums_BLD = states_BPD.new_zeros(shape).scatter_add(1, index, states_BPD * real_BP[..., None])
        counts_BL = states_BPD.new_zeros(shape[:2]).scatter_add(1, owner_BP, real_BP.to(states_BPD.dtype))
        return sums_BLD / counts_BL.clamp(min=1)[..., None]

    def _encode(self, ids_BP: Tensor, lengths: Sequence[int]) -> Tensor:
        """States of pieces, (B, P, D), rows longest first."""
        windows = [w for row, n in enumerate(lengths) for w in cover(row, n, self.window, self.overlap)]
        windows.sort(key=lambda w: -len(w))
        groups = length_groups([len(w) for w in windows], CALL_OVERHEAD.get(ids_BP.device.type, 4096), MAX_POSITIONS)
        added_BPE = self.added(ids_BP, self.transformer.get_input_embeddings().embedding_dim)
        if len(groups) == 1 and len(windows) == len(lengths):
            return self._call(ids_BP, torch.tensor(lengths, device=ids_BP.device), added_BPE)
        flat, places = [], []
        for first, last in groups:
            states_GPD, kept, place = self._call_windows(ids_BP, windows[first:last], added_BPE)
            flat.append(states_GPD.flatten(0, 1)[kept])
            places.append(place)
        states = torch.cat(flat)
        out = states.new_zeros(ids_BP.numel(), states.shape[-1])
        return out.index_copy(0, torch.cat(places), states).view(*ids_BP.shape, -1)

    def _call_windows(
        self, ids_BP: Tensor, windows: Sequence[Window], added_BPE: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """States of some windows (G, P, D), which of them (flat) are kept, and where they belong in (B, P), flat."""
        size, width = max(len(w) for w in windows), ids_BP.shape[1]
        rows = np.array([[w.row, w.start, len(w), w.keep_start, w.keep_stop] for w in windows])
        positions = np.minimum(rows[:, 1:2] + np.arange(size), width - 1)
        source = rows[:, 0:1] * width + positions
        keep = (positions >= rows[:, 3:4]) & (positions < rows[:, 4:5]) & (np.arange(size) < rows[:, 2:3])
        device = ids_BP.device
        source_GP = torch.from_numpy(source).to(device)
        ids_GP = ids_BP.reshape(-1)[source_GP]
        added_GPE = None if added_BPE is None else added_BPE.flatten(0, 1)[source_GP]
        states_GPD = self._call(ids_GP, torch.from_numpy(rows[:, 2]).to(device), added_GPE)
        kept = torch.from_numpy(np.flatnonzero(keep)).to(device)
        return states_GPD, kept, source_GP.reshape(-1)[kept]

    def _call(self, ids_GP: Tensor, lengths_G: Tensor, added_GPE: Tensor | None) -> Tensor:
        """Run the transformer over rows of pieces, special tokens put around each row; states of the pieces.

        `added_GPE` is added to the embeddings of the pieces, those of special tokens stay.
        """
        before, after = len(self.prefix), len(self.suffix)
        count, width = ids_GP.shape
        total = width + before + after
        self.positions += count * total
        place = torch.arange(total, device=ids_GP.device)[None, :]
        mask = place < (lengths_G + before + after)[:, None]
        padded = ids_GP.new_full((count, total), self.pad_id)
        padded[:, before : before + width] = ids_GP
        padded.masked_fill_(~mask, self.pad_id)
        for i, token in enumerate(self.prefix):
            padded[:, i] = token
        for i, token in enumerate(self.suffix):
            padded.scatter_(1, (lengths_G + before + i)[:, None], token)
        vectors = self.transformer.get_input_embeddings()(padded)
        if added_GPE is not None:
            real_GP = place[:, :width] < lengths_G[:, None]
            vectors = vectors + pad(added_GPE * real_GP[..., None], (0, 0, before, after))
        output = self.transformer(inputs_embeds=self.embedding_dropout(vectors), attention_mask=mask.long())
        states: Tensor = self.dropout(output.last_hidden_state[:, before : before + width])
        return states


def _folder(vocab: Vocabulary, model_name: str) -> str:
    """Where the transformer's configuration and tokenizer are: beside the vocabulary, where that is an archive's."""
    saved = vocab.directory / "encoder" if vocab.directory else None
    return str(saved) if saved and saved.is_dir() else model_name


def _load_tokenizer(folder: str, model_name: str) -> tuple[Any, Any]:
    """Tokenizer and configuration of a transformer."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        # Code that lies beside an encoder, in an archive say, never runs; left open, transformers would ask.
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return tokenizer, AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(f'cannot load encoder "{model_name}": {reason}', "model_name") from error


def _set(config: Any, name: str, value: float | None, key: str) -> None:
    """Change a setting that a transformer's configuration has, where `value` is given."""
    if value is None:
        return
    if not hasattr(config, name):
        raise ConfigurationError(f'a {config.model_type} has no setting "{name}"', key)
    setattr(config, name, value)


def _most_positions(transformer: Any) -> int:
    """Pieces that a transformer has positions for."""
    count = int(transformer.config.max_position_embeddings)
    table = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    # RoBERTa and its kin number positions from behind that of padding.
    padding = getattr(table, "padding_idx", None)
    return count if padding is None else count - padding - 1


def _load_transformer(folder: str, config: Any, with_weights: bool) -> Any:
    """The transformer in float32, without a pooling layer, which nothing here reads."""
    from transformers import AutoModel

    if with_weights:
        transformer = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32)
    else:
        transformer = AutoModel.from_config(config, dtype=torch.float32)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    return transformer
