"""The reference: the adversarial model in the way it is usually written, with library modules.

Sentences are padded to the longest of the batch, every tower runs over every sentence (packed), the
CRF is pytorch-crf and the optimizer is the default AdamW.
Shape suffixes: B sentences, L characters, D state size.
"""

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF
from transformers import AutoConfig, AutoModel, PreTrainedModel

from benchmarks.models import encoder_of
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.encoders import PretrainedTransformer
from ner_adv_plugin.modules.heads import CrfHead
from ner_adv_plugin.modules.objectives import DomainAdversarial


class PlainPort(torch.nn.Module):
    """A plain implementation of a model with a copy of its parameters, under the same names.

    # Parameters

    model : an "adversarial" or "crf_tagger" model with a BERT encoder, LSTM towers of one layer and
        unconstrained CRF heads.
    """

    def __init__(self, model: SharingModel) -> None:
        super().__init__()
        self.reads = dict(model.graph.reads)
        encoder = encoder_of(model)
        self.special = [*encoder.prefix, *encoder.suffix]
        self.encoder = _Encoder(encoder)
        # The containers of torch do not declare the types of their items.
        towers = {
            name: _Tower(cast(LstmSeq2SeqEncoder, tower)) for name, tower in model.towers.items()
        }
        self.towers = torch.nn.ModuleDict(towers)
        self.heads = torch.nn.ModuleDict(
            {name: _Head(cast(CrfHead, head)) for name, head in model.heads.items()}
        )
        adversaries = [
            _Adversary(cast(DomainAdversarial, objective)) for objective in model.objectives
        ]
        self.objectives = torch.nn.ModuleList(adversaries)

    def states(self, token_ids_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Return the states of the encoder, (B, L, D)."""
        first, last = self.special
        lengths_B = mask_BL.sum(1)
        ids = torch.nn.functional.pad(token_ids_BL, (1, 1))
        ids[:, 0] = first
        ids.scatter_(1, lengths_B[:, None] + 1, last)
        attended = torch.arange(ids.shape[1]) < (lengths_B + 2)[:, None]
        states = self.encoder.transformer(
            input_ids=ids, attention_mask=attended.long()
        ).last_hidden_state
        return self.encoder.dropout(states[:, 1:-1])

    def tower_states(self, name: str, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """Return the states of one tower for all sentences, (B, L, D)."""
        lengths = mask_BL.sum(1)
        packed = pack_padded_sequence(states_BLD, lengths, batch_first=True, enforce_sorted=False)
        tower = cast(_Tower, self.towers[name])
        return pad_packed_sequence(tower._module(packed)[0], batch_first=True)[0]

    def forward(self, batch: Batch) -> Tensor:
        """Return the loss of `SharingModel.forward` for sentences with gold tags."""
        states_BLD = self.states(batch.token_ids_BL, batch.mask_BL)
        towers = {name: self.tower_states(name, states_BLD, batch.mask_BL) for name in self.towers}

        loss = states_BLD.new_zeros(())
        for name in self.heads:
            head, sentences = self._head(name), torch.tensor(batch.sentences_of(name))
            if not len(sentences):
                continue
            read = torch.cat([towers[tower] for tower in self.reads[name]], -1)
            emissions = head.projection(head.dropout(read))[sentences]
            tags_BL = batch.owned_by(f"heads.{name}").targets["tags"]
            nll = -head.crf(
                emissions, tags_BL[sentences], batch.mask_BL[sentences], reduction="none"
            )
            loss = loss + (nll / batch.lengths_B[sentences]).mean()

        for objective in (cast(_Adversary, module) for module in self.objectives):
            pooled = towers["shared"].masked_fill(~batch.mask_BL[..., None], float("-inf")).amax(1)
            logits = objective.discriminator(_Reverse.apply(pooled))
            loss = loss + objective.weight * cross_entropy(logits, batch.domain_B)
        return loss

    def train_step(self, batch: Batch, optimizer: torch.optim.Optimizer) -> None:
        """Make one optimizer step."""
        self(batch).backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.inference_mode()
    def decode(self, token_ids_BL: Tensor, mask_BL: Tensor, head: str) -> list[list[int]]:
        """Return the most probable tag sequence of every sentence, according to one head."""
        states_BLD = self.states(token_ids_BL, mask_BL)
        read = torch.cat(
            [self.tower_states(tower, states_BLD, mask_BL) for tower in self.reads[head]], -1
        )
        paths: list[list[int]] = self._head(head).crf.decode(
            self._head(head).projection(read), mask_BL
        )
        return paths

    def _head(self, name: str) -> "_Head":
        return cast(_Head, self.heads[name])


class _Encoder(torch.nn.Module):
    def __init__(self, encoder: PretrainedTransformer) -> None:
        super().__init__()
        self.transformer = plain_copy(encoder.transformer)
        self.dropout = torch.nn.Dropout(encoder.dropout.p)


class _Tower(torch.nn.Module):
    def __init__(self, tower: LstmSeq2SeqEncoder) -> None:
        super().__init__()
        self._module = copy.deepcopy(tower._module)


class _Head(torch.nn.Module):
    def __init__(self, head: CrfHead) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(head.dropout.p)
        self.projection = copy.deepcopy(head.projection)
        self.crf = CRF(head.crf.num_tags, batch_first=True)
        self.crf.load_state_dict(head.crf.state_dict())


class _Adversary(torch.nn.Module):
    def __init__(self, objective: DomainAdversarial) -> None:
        super().__init__()
        self.discriminator = copy.deepcopy(objective.discriminator)
        self.weight = objective.weight


def plain_copy(transformer: Any) -> PreTrainedModel:
    """Return the transformer of the library `transformers` with the same weights."""
    values = transformer.config.to_dict()
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    result: PreTrainedModel = AutoModel.from_config(
        config, attn_implementation="sdpa", dtype=torch.float32
    )
    setattr(result, "pooler", None)  # noqa: B010
    result.load_state_dict(transformer.state_dict())
    return result


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, states: Tensor) -> Tensor:
        return states.view_as(states)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return -gradient


def largest_difference(model: SharingModel, plain: PlainPort, batches: Sequence[Batch]) -> float:
    """Return the largest relative difference of a parameter's gradient from the reference.

    The difference is the norm of the difference divided by the norm of the reference. If a gradient
    consists of rounding errors only (such as the biases of keys, which cancel out in attention), it
    is divided by 1e-6 times the largest norm instead. Dropout is disabled.

    # Parameters

    model : the model.
    plain : the reference.
    batches : batches whose gradients are summed.
    """
    gradients = []
    for module in (model, plain):
        training = module.training
        # Evaluation mode only disables dropout.
        module.eval()
        for batch in batches:
            output = module(batch)
            (output["loss"] if isinstance(output, dict) else output).backward()
        gradients.append(
            {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
        )
        module.zero_grad()
        module.train(training)

    ours, theirs = gradients
    if ours.keys() != theirs.keys():
        different = sorted(ours.keys() ^ theirs.keys())
        raise ValueError(f"only one of the models has gradients of {different}")
    rounding = 1e-6 * max(float(gradient.norm()) for gradient in theirs.values())
    return max(
        float((ours[name] - gradient).norm()) / max(float(gradient.norm()), rounding)
        for name, gradient in theirs.items()
    )
