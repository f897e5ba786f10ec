"""Modules that compute predictions in operations that ONNX has.

Shape suffixes: B sentences, L characters, W windows, N tokens of a window, D state size.
"""

import copy
from collections.abc import Mapping
from typing import Any, cast

import torch
from allennlp_light.modules.seq2seq_encoders import (
    GruSeq2SeqEncoder,
    LstmSeq2SeqEncoder,
    RnnSeq2SeqEncoder,
    Seq2SeqEncoder,
)
from allennlp_light.modules.seq2seq_encoders.pytorch_seq2seq_wrapper import PytorchSeq2SeqWrapper
from torch import Tensor
from torch.nn.utils.weight_norm import WeightNorm

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.exporting.attention import TracedAttention
from ner_adv_plugin.exporting.recurrence import TracedRecurrence
from ner_adv_plugin.models.sharing_graph import ENCODER
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders import LexiconEncoder, PretrainedTransformer
from ner_adv_plugin.modules.encoders.bert import Bert
from ner_adv_plugin.modules.encoders.loading import first_position
from ner_adv_plugin.modules.encoders.pretrained_transformer import PACKED
from ner_adv_plugin.modules.heads import Head, SpanHead
from ner_adv_plugin.modules.towers import TaskTower

RECURRENT = (GruSeq2SeqEncoder, LstmSeq2SeqEncoder, RnnSeq2SeqEncoder)


class TransformerGraph(torch.nn.Module):
    """States of windows of subwords, each window padded instead of packed.

    # Parameters

    encoder : the encoder, which is not changed.
    """

    def __init__(self, encoder: PretrainedTransformer) -> None:
        super().__init__()
        self.transformer = copy.deepcopy(encoder.transformer)
        if not isinstance(self.transformer, Bert):
            # The attention that is written out in products and softmax.
            self.transformer.set_attn_implementation("eager")
        self.is_packed = self.transformer.config.model_type in PACKED

    def forward(self, token_ids_WN: Tensor, mask_WN: Tensor) -> Tensor:
        """Compute states, (W, N, D).

        # Parameters

        token_ids_WN : indices of tokens, 0 at padding.
        mask_WN : True at tokens, bool.
        """
        vectors = self.transformer.get_input_embeddings()(token_ids_WN)
        if isinstance(self.transformer, Bert) or not self.is_packed:
            return _states(self.transformer(inputs_embeds=vectors, attention_mask=mask_WN.long()))

        lowest = torch.finfo(vectors.dtype).min
        bias_W11N = (1.0 - mask_WN.to(vectors.dtype))[:, None, None] * lowest
        position_N = torch.arange(token_ids_WN.shape[1]) + first_position(self.transformer)
        return _states(
            self.transformer(
                inputs_embeds=vectors,
                attention_mask=bias_W11N,
                position_ids=position_N[None].expand(token_ids_WN.shape),
            )
        )


def _states(output: Any) -> Tensor:
    states: Tensor = output.last_hidden_state
    return states


class HeadGraph(torch.nn.Module):
    """Output of a head, from states of the encoder.

    # Parameters

    model : the model, which is not changed.
    head : name of the head.

    # Raises

    UserError : a tower cannot be exported.
    """

    def __init__(self, model: SharingModel, head: str) -> None:
        super().__init__()
        self.graph = model.graph.only([head])
        self.head_name = head
        self.head = cast(Head, copy.deepcopy(model.heads[head]))
        self.towers = torch.nn.ModuleDict()
        for name in self.graph.towers:
            path = f"model.towers.{name}"
            self.towers[name] = _traceable(_copied(model.towers[name]), path)
        encoder = model.encoder
        self.projection = encoder.projection if isinstance(encoder, LexiconEncoder) else None

    def forward(
        self, states_BLD: Tensor, mask_BL: Tensor, features_BLF: Tensor | None = None
    ) -> Tensor:
        """Compute tag scores, or log-probabilities of the options of pairs of characters.

        # Parameters

        states_BLD : states of the encoder.
        mask_BL : True at characters, bool; longest sentence first.
        features_BLF : features of a lexicon, if the encoder has one.
        """
        if features_BLF is not None and self.projection is not None:
            states_BLD = states_BLD + self.projection(features_BLF)
        elif features_BLF is not None:
            states_BLD = torch.cat([states_BLD, features_BLF], -1)

        states: dict[str, Tensor] = {ENCODER: states_BLD}
        for name, tower in self.towers.items():
            inputs = _joined(states, self.graph.inputs_of(name))
            if isinstance(tower, TaskTower):
                task_B = tower.indices([self.head_name]).expand(mask_BL.shape[0])
                states[name] = tower(inputs, mask_BL, task_B)
            else:
                states[name] = tower(inputs, mask_BL)

        output: Tensor = self.head(
            _joined(states, self.graph.reads[self.head_name]), batch_of(mask_BL)
        )
        if isinstance(self.head, SpanHead):
            return self.head.log_probabilities(output, float(self.head.temperature))
        return output


def _traceable(tower: torch.nn.Module, path: str) -> torch.nn.Module:
    """Replace recurrence and attention inside a tower, and itself, by what can be traced.

    # Parameters

    tower : a copy of the tower, which is changed.
    path : config path shown in errors.

    # Raises

    UserError : a recurrent tower has steps in Python.
    """
    if type(tower) in RECURRENT:
        return TracedRecurrence(cast(PytorchSeq2SeqWrapper, tower))
    if TracedAttention.replaces(tower):
        return TracedAttention(cast(torch.nn.MultiheadAttention, tower))
    if isinstance(tower, PytorchSeq2SeqWrapper):
        name = _registered_name(tower)
        raise UserError(
            f'{path}: tower "{name}" cannot be exported, as it computes step by step in Python:'
            ' expected "lstm", "gru", "rnn" or a tower without recurrence'
        )
    for name, child in tower.named_children():
        replacement = _traceable(child, path)
        if replacement is not child:
            setattr(tower, name, replacement)
            # "compose" runs the towers of a plain list.
            for values in vars(tower).values():
                if isinstance(values, list):
                    values[:] = [replacement if value is child else value for value in values]
    return tower


def _copied(tower: torch.nn.Module) -> torch.nn.Module:
    """Copy a tower; a normalised weight cannot be copied while it has a gradient."""
    with torch.no_grad():
        for module in tower.modules():
            for hook in module._forward_pre_hooks.values():
                if isinstance(hook, WeightNorm):
                    hook(module, ())
    return copy.deepcopy(tower)


def _registered_name(tower: Seq2SeqEncoder) -> str:
    known = {Seq2SeqEncoder.by_name(name): name for name in Seq2SeqEncoder.list_available()}
    return known.get(type(tower), type(tower).__name__)


def _joined(states: Mapping[str, Tensor], names: list[str]) -> Tensor:
    return states[names[0]] if len(names) == 1 else torch.cat([states[n] for n in names], -1)


def batch_of(mask_BL: Tensor) -> Batch:
    """Return a batch of sentences of which only the mask is known."""
    lengths_B = mask_BL.sum(1)
    return Batch(
        token_ids_BL=mask_BL.long(),
        mask_BL=mask_BL,
        lengths_B=lengths_B,
        domain_B=lengths_B,
        weights_B=lengths_B,
        lengths=[],
        heads=[],
        datasets=[],
        domains=[],
        sentence_ids=[],
    )
