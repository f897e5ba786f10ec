"""The reference: the adversarial model as a plain port of it would be written, with libraries as they come.

Sentences padded to the longest of the batch; every tower over every sentence, packed; pytorch-crf; the default AdamW.
Shape suffixes: B sentences, L characters, D state size.
"""

import copy
from collections.abc import Sequence
from typing import cast

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF
from transformers import PreTrainedModel

from benchmarks.models import encoder_of
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.encoders import PretrainedTransformer
from ner_adv_plugin.modules.heads import CrfHead
from ner_adv_plugin.modules.objectives import DomainAdversarial


class PlainPort(torch.nn.Module):
    """A copy of a model, computed plainly; its parameters have the names of the model's.

    # Parameters

    model : "adversarial" over a BERT, or "crf_tagger"; LSTM towers of one layer, CRF heads without constraints.
    """

    def __init__(self, model: SharingModel) -> None:
        super().__init__()
        self.reads = dict(model.graph.reads)
        encoder = encoder_of(model)
        self.special = [*encoder.prefix, *encoder.suffix]
        self.encoder = _Encoder(encoder)
        # Containers of torch's do not say what they hold.
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
        """The encoder's states of sentences of characters, (B, L, D)."""
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
        """What one LSTM makes of all sentences."""
        lengths = mask_BL.sum(1)
        packed = pack_padded_sequence(states_BLD, lengths, batch_first=True, enforce_sorted=False)
        tower = cast(_Tower, self.towers[name])
        return pad_packed_sequence(tower._module(packed)[0], batch_first=True)[0]

    def forward(self, batch: Batch) -> Tensor:
        """The loss of `SharingModel.forward`, of sentences with gold tags."""
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
        """One step of an optimizer."""
        self(batch).backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.inference_mode()
    def decode(self, token_ids_BL: Tensor, mask_BL: Tensor, head: str) -> list[list[int]]:
        """The best tags of every sentence by one head."""
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
        self.dropout, self.projection = (
            torch.nn.Dropout(head.dropout.p),
            copy.deepcopy(head.projection),
        )
        self.crf = CRF(head.crf.num_tags, batch_first=True)
        self.crf.load_state_dict(head.crf.state_dict())


class _Adversary(torch.nn.Module):
    def __init__(self, objective: DomainAdversarial) -> None:
        super().__init__()
        self.discriminator, self.weight = copy.deepcopy(objective.discriminator), objective.weight


def plain_copy(transformer: PreTrainedModel) -> PreTrainedModel:
    """A transformer of the same weights as transformers make it."""
    config = copy.deepcopy(transformer.config)
    config._attn_implementation = "sdpa"
    made = type(transformer)(config, add_pooling_layer=False)
    made.load_state_dict(transformer.state_dict())
    return made


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, states: Tensor) -> Tensor:
        return states.view_as(states)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return -gradient


def largest_difference(model: SharingModel, plain: PlainPort, batches: Sequence[Batch]) -> float:
    """The largest difference of a parameter's gradient from the reference's, dropout off.

    The norm of the difference over the reference's norm. A parameter whose gradient is nothing but rounding in
    both (the biases of keys, which attention cancels out) is compared with the largest of all instead.
    """
    gradients = []
    for module in (model, plain):
        training = module.training
        module.eval()
        # An LSTM in evaluation mode is the same without dropout.
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
        raise ValueError(f"other parameters have gradients: {sorted(ours.keys() ^ theirs.keys())}")
    rounding = 1e-6 * max(float(gradient.norm()) for gradient in theirs.values())
    return max(
        float((ours[name] - gradient).norm()) / max(float(gradient.norm()), rounding)
        for name, gradient in theirs.items()
    )
