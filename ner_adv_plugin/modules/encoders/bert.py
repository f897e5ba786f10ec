"""BERT and RoBERTa encoders, with the parameter names of Hugging Face's checkpoints.

They are implemented here because importing `transformers` takes longer than the rest of a start,
and because the layers can then share work over concatenated sequences. Other architectures are
those of `transformers`, see `ner_adv_plugin.modules.encoders.loading`.

Shape suffixes: B sequences, L tokens, D hidden size, A heads, S size of a head.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Embedding, LayerNorm, Module, ModuleList
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.encoders.bert_config import ACTIVATIONS, BertConfig
from ner_adv_plugin.modules.encoders.packed_attention import packed_attention
from ner_adv_plugin.modules.encoders.packing import Packing
from ner_adv_plugin.modules.products import Linear


class BertOutput(NamedTuple):
    """Output of `Bert`.

    # Parameters

    last_hidden_state : states of the last layer, (B, L, D).
    """

    last_hidden_state: Tensor


class Bert(Module):
    """Transformer encoder with normalisation after each sublayer (Devlin et al. 2019, section 3).

    Its parameters have no values until they are loaded or `initialise` is called.

    # Parameters

    config : sizes, activation and dropout probabilities.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Layers(config)
        self.recompute = False

    def initialise(self, deviation: float = 0.02) -> None:
        """Draw random weights with this standard deviation; biases are 0."""
        for module in self.modules():
            if isinstance(module, Linear | Embedding):
                torch.nn.init.normal_(module.weight, std=deviation)
            if isinstance(module, Linear):
                torch.nn.init.zeros_(module.bias)
            if isinstance(module, Embedding) and module.padding_idx is not None:
                torch.nn.init.zeros_(module.weight[module.padding_idx])

    def get_input_embeddings(self) -> Embedding:
        """Return the subword embeddings."""
        return self.embeddings.word_embeddings

    def gradient_checkpointing_enable(self, settings: dict[str, bool] | None = None) -> None:
        """Compute the states inside the layers again in the backward pass."""
        self.recompute = True

    def gradient_checkpointing_disable(self) -> None:
        """Keep the states inside the layers for the backward pass, as by default."""
        self.recompute = False

    def forward(
        self,
        inputs_embeds: Tensor,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        packing: Packing | None = None,
    ) -> BertOutput:
        """Encode subword embeddings.

        # Parameters

        inputs_embeds : subword embeddings, (B, L, D).
        position_ids : indices of position embeddings, (B, L); ascending if None.
        attention_mask : 1 at tokens and 0 at padding, (B, L); None if there is no padding.
        packing : lengths of the sequences that `inputs_embeds` concatenates, with B = 1.
        """
        states_BLD = self.embeddings(inputs_embeds, position_ids)
        mask = None if attention_mask is None else attention_mask[:, None, None].bool()
        for layer in self.encoder.layer:
            if self.recompute:
                states_BLD = checkpoint(layer, states_BLD, mask, packing, use_reentrant=False)
            else:
                states_BLD = layer(states_BLD, mask, packing)
        return BertOutput(states_BLD)


class _Linear(Linear):
    """Linear layer whose weights are not drawn when it is made."""

    def reset_parameters(self) -> None:
        pass


class _Embedding(Embedding):
    """Embedding whose weights are not drawn when it is made."""

    def reset_parameters(self) -> None:
        pass


class _Embeddings(Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.word_embeddings = _Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        # RoBERTa reserves the positions up to the index of the padding token.
        reserved = config.pad_token_id if config.reserves_positions else None
        self.position_embeddings = _Embedding(
            config.max_position_embeddings, size, padding_idx=reserved
        )
        self.token_type_embeddings = _Embedding(config.type_vocab_size, size)
        self.LayerNorm = LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, vectors_BLD: Tensor, position_ids: Tensor | None) -> Tensor:
        if position_ids is None:
            reserved = self.position_embeddings.padding_idx
            first = 0 if reserved is None else reserved + 1
            length = vectors_BLD.shape[1]
            position_ids = torch.arange(first, first + length, device=vectors_BLD.device)[None]

        # Every token is of the first segment. The sums are in the order of the published code.
        vectors_BLD = vectors_BLD + self.token_type_embeddings.weight[0]
        vectors_BLD = vectors_BLD + self.position_embeddings(position_ids)
        states_BLD: Tensor = self.dropout(self.LayerNorm(vectors_BLD))
        return states_BLD


class _Layers(Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))


class _Layer(Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.intermediate = _Intermediate(config)
        self.output = _Sublayer(config.intermediate_size, config)

    def forward(self, states_BLD: Tensor, mask: Tensor | None, packing: Packing | None) -> Tensor:
        states_BLD = self.attention(states_BLD, mask, packing)
        output_BLD: Tensor = self.output(self.intermediate(states_BLD), states_BLD)
        return output_BLD


class _Attention(Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = _SelfAttention(config)
        self.output = _Sublayer(config.hidden_size, config)

    def forward(self, states_BLD: Tensor, mask: Tensor | None, packing: Packing | None) -> Tensor:
        attended_BLD = self.self(states_BLD, mask, packing)
        output_BLD: Tensor = self.output(attended_BLD, states_BLD)
        return output_BLD


class _SelfAttention(Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query = _Linear(config.hidden_size, config.hidden_size)
        self.key = _Linear(config.hidden_size, config.hidden_size)
        self.value = _Linear(config.hidden_size, config.hidden_size)
        self.dropout = Dropout(config.attention_probs_dropout_prob)

    def forward(self, states_BLD: Tensor, mask: Tensor | None, packing: Packing | None) -> Tensor:
        query, key, value = (
            project(states_BLD).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        dropout = self.dropout.p if self.training else 0.0
        if packing is not None:
            attended_BLAS, _ = packed_attention(
                self, query, key, value, None, dropout, packing=packing
            )
        else:
            attended_BALS = scaled_dot_product_attention(query, key, value, mask, dropout)
            attended_BLAS = attended_BALS.transpose(1, 2)
        return attended_BLAS.flatten(-2)


class _Intermediate(Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = _Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, states_BLD: Tensor) -> Tensor:
        return self.activation(self.dense(states_BLD))


class _Sublayer(Module):
    """Projection of a sublayer's result, dropout, residual connection and normalisation."""

    def __init__(self, size: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = _Linear(size, config.hidden_size)
        self.LayerNorm = LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, result_BLE: Tensor, states_BLD: Tensor) -> Tensor:
        projected_BLD = self.dropout(self.dense(result_BLE))
        output_BLD: Tensor = self.LayerNorm(projected_BLD + states_BLD)
        return output_BLD
