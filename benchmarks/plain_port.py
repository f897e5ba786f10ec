"""The reference: the adversarial model as a plain port of it would be written, with libraries as they come.

Rows padded to the longest of the batch; every tower over every row, packed; pytorch-crf; the default AdamW.
Shape suffixes: B rows, L characters, D state size.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF

from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.models import SharingModel


class PlainPort(torch.nn.Module):
    """A copy of a model, computed plainly; its parameters have the names of the model's.

    # Parameters

    model : "adversarial" over a BERT, or "crf_tagger"; LSTM towers of one layer, CRF heads without constraints.
    """

    def __init__(self, model: SharingModel) -> None:
        super().__init__()
        self.reads = model.reads
        self.encoder = torch.nn.Module()
        self.encoder.transformer = copy.deepcopy(model.encoder.transformer)
        self.encoder.dropout = torch.nn.Dropout(model.encoder.dropout.p)
        self.towers = torch.nn.ModuleDict()
        for name, tower in model.towers.items():
            self.towers[name] = torch.nn.Module()
            self.towers[name]._module = copy.deepcopy(tower._module)
        self.heads = torch.nn.ModuleDict()
        for name, head in model.heads.items():
            own = torch.nn.Module()
            own.dropout, own.projection = torch.nn.Dropout(head.dropout.p), copy.deepcopy(head.projection)
            own.crf = CRF(head.crf.num_tags, batch_first=True)
            own.crf.load_state_dict(head.crf.state_dict())
            self.heads[name] = own
        self.objectives = torch.nn.ModuleList()
        for objective in model.objectives:
            own = torch.nn.Module()
            own.discriminator, own.weight = copy.deepcopy(objective.discriminator), objective.weight
            self.objectives.append(own)
        self.special = [*model.encoder.prefix, *model.encoder.suffix]

    def states(self, token_ids_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """The encoder's states of rows of characters, (B, L, D)."""
        first, last = self.special
        lengths_B = mask_BL.sum(1)
        ids = torch.nn.functional.pad(token_ids_BL, (1, 1))
        ids[:, 0] = first
        ids.scatter_(1, lengths_B[:, None] + 1, last)
        attended = torch.arange(ids.shape[1]) < (lengths_B + 2)[:, None]
        states = self.encoder.transformer(input_ids=ids, attention_mask=attended.long()).last_hidden_state
        return self.encoder.dropout(states[:, 1:-1])

    def tower_states(self, name: str, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """What one LSTM makes of all rows."""
        lengths = mask_BL.sum(1)
        packed = pack_padded_sequence(states_BLD, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.towers[name]._module(packed)[0], batch_first=True)[0]

    def forward(self, batch: Batch) -> Tensor:
        """The loss of `SharingModel.forward`."""
        states_BLD = self.states(batch.token_ids_BL, batch.mask_BL)
        towers = {name: self.tower_states(name, states_BLD, batch.mask_BL) for name in self.towers}
        loss = states_BLD.new_zeros(())
        for name, head in self.heads.items():
            rows = torch.tensor(batch.rows(name))
            if not len(rows):
                continue
            read = torch.cat([towers[tower] for tower in self.reads[name]], -1)
            emissions = head.projection(head.dropout(read))[rows]
            nll = -head.crf(emissions, batch.tags_BL[rows], batch.mask_BL[rows], reduction="none")
            loss = loss + (nll / batch.lengths_B[rows]).mean()
        for objective in self.objectives:
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
        """The best tags of every row by one head."""
        states_BLD = self.states(token_ids_BL, mask_BL)
        read = torch.cat([self.tower_states(tower, states_BLD, mask_BL) for tower in self.reads[head]], -1)
        return self.heads[head].crf.decode(self.heads[head].projection(read), mask_BL)


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
        gradients.append({name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None})
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
