"""Towers: sequence encoders over the encoder's states, each over the rows that something reads from it."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batch import Batch

LazyTower: TypeAlias = Annotated[Lazy[Seq2SeqEncoder], Supplied("input_size", "input_dim")]


@dataclass
class TowerStates:
    """What a tower made of the rows it ran over.

    # Parameters

    states_BLD : its states, for `rows` only, cut to the longest of them.
    rows : indices of those rows in the whole batch, rising.
    batch : the batch of those rows.
    """

    states_BLD: Tensor
    rows: list[int]
    batch: Batch

    def select(self, rows: list[int]) -> Tensor:
        """States of some of the whole batch's rows, which the tower must have run over, (len(rows), L, D)."""
        if rows == self.rows:
            return self.states_BLD
        place = {row: i for i, row in enumerate(self.rows)}
        chosen = [place[row] for row in rows]
        length = max((self.batch.lengths[i] for i in chosen), default=0)
        index = torch.tensor(chosen, dtype=torch.long, device=self.states_BLD.device)
        return self.states_BLD[index, :length]


def default_tower() -> Lazy[Seq2SeqEncoder]:
    """A bidirectional LSTM of 128 units a direction."""

    def build(supplied: dict[str, int]) -> Seq2SeqEncoder:
        return LstmSeq2SeqEncoder(supplied["input_size"], 128, bidirectional=True)

    return Lazy(build, {"type": "lstm", "hidden_size": 128, "bidirectional": True}, "model.tower")


def build_tower(tower: Lazy[Seq2SeqEncoder], input_dim: int) -> Seq2SeqEncoder:
    """Build a tower over states of `input_dim`; `ConfigurationError` where it wants another size."""
    module = tower.construct(input_size=input_dim, input_dim=input_dim)
    if module.get_input_dim() != input_dim:
        raise ConfigurationError(
            f"the tower takes states of {module.get_input_dim()}, the encoder gives {input_dim}", tower.path
        )
    return module


def run_tower(tower: Seq2SeqEncoder, states_BLD: Tensor, batch: Batch, rows: list[int]) -> TowerStates:
    """Run a tower over some rows of a batch, masked."""
    part = batch.select(rows)
    if len(rows) < len(batch):
        states_BLD = states_BLD[torch.tensor(rows, device=states_BLD.device), : part.mask_BL.shape[1]]
    return TowerStates(tower(states_BLD, part.mask_BL), rows, part)
