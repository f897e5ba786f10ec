"""Towers: how one is built, and run over the sequences that something reads from it.

Shape suffixes: B sequences, L characters, D state size.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch

LazyTower: TypeAlias = Annotated[Lazy[Seq2SeqEncoder], Supplied("input_size", "input_dim", "tasks")]


@dataclass
class TowerStates:
    """What a tower made of the sequences it ran over.

    # Parameters

    states_BLD : its states, for `sequences` only, cut to the longest of them.
    sequences : indices of those sequences in the whole batch, rising.
    batch : the batch of those sequences.
    """

    states_BLD: Tensor
    sequences: list[int]
    batch: Batch

    def select(self, sequences: list[int]) -> Tensor:
        """States of some of the whole batch's sequences, which the tower must have run over, (len(sequences), L, D)."""
        if sequences == self.sequences:
            return self.states_BLD
        place = {sequence: i for i, sequence in enumerate(self.sequences)}
        chosen = [place[sequence] for sequence in sequences]
        length = max((self.batch.lengths[i] for i in chosen), default=0)
        index = torch.tensor(chosen, dtype=torch.long, device=self.states_BLD.device)
        return self.states_BLD[index, :length]


class TaskTower(Seq2SeqEncoder):
    """A tower around another that is told the task of every sequence.

    # Parameters

    tower : the tower inside, which may be no tower of tasks itself.
    input_size : of the states it reads.
    inner_size : of the states that it hands to the tower inside.
    tasks : heads, in the order of their embeddings; those of a sequence without a task come first.
    embedding_dim : size of a task's embedding.
    """

    def __init__(
        self,
        tower: Lazy[Seq2SeqEncoder] | None,
        input_size: int,
        inner_size: int,
        tasks: list[str],
        embedding_dim: int,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.places = {None: 0} | {name: place for place, name in enumerate(tasks, 1)}
        self.embedding = torch.nn.Embedding(len(tasks) + 1, embedding_dim)
        self.tower = build_tower(tower or default_tower(), inner_size)

    def indices(self, tasks: Sequence[str | None]) -> Tensor:
        """Where the tasks of sequences stand among the embeddings, (B,)."""
        return torch.tensor(
            [self.places[name] for name in tasks], device=self.embedding.weight.device
        )

    def forward(self, inputs: Tensor, mask: Tensor, task_B: Tensor) -> Tensor:
        """States, (B, L, `get_output_dim()`), of sequences whose tasks are `indices`."""
        raise NotImplementedError

    def get_input_dim(self) -> int:
        """Size of the states it reads."""
        return self.input_size

    def get_output_dim(self) -> int:
        """Size of the states of the tower inside."""
        return self.tower.get_output_dim()

    def is_bidirectional(self) -> bool:
        """Whether the tower inside is."""
        return self.tower.is_bidirectional()


def default_tower() -> Lazy[Seq2SeqEncoder]:
    """A bidirectional LSTM of 128 units a direction."""

    def build(supplied: dict[str, int]) -> Seq2SeqEncoder:
        return LstmSeq2SeqEncoder(supplied["input_size"], 128, bidirectional=True)

    return Lazy(build, {"type": "lstm", "hidden_size": 128, "bidirectional": True}, "model.tower")


def build_tower(
    tower: Lazy[Seq2SeqEncoder], input_dim: int, tasks: list[str] | None = None
) -> Seq2SeqEncoder:
    """Build a tower over states of `input_dim`.

    # Parameters

    tower : its settings.
    input_dim : size of the states it reads.
    tasks : the heads; None where the tower stands inside another.

    Raises `ConfigurationError` where it wants states of another size, to know tasks inside another tower, or to carry
    states from one batch to the next.
    """
    if tasks is None and inspect.isclass(tower.target) and issubclass(tower.target, TaskTower):
        raise ConfigurationError("a tower that is told the tasks must stand outermost", tower.path)
    module = tower.construct(input_size=input_dim, input_dim=input_dim, tasks=tasks)
    if module.get_input_dim() != input_dim:
        raise ConfigurationError(
            f"the tower takes states of {module.get_input_dim()}, but is given states of {input_dim}",
            tower.path,
        )
    if getattr(module, "stateful", False):
        # What comes before a sequence in a batch order is not its context, and batches are computed side by side.
        raise ConfigurationError(
            "sequences do not go on where others ended: expected false", f"{tower.path}.stateful"
        )
    return module


def run_tower(
    tower: Seq2SeqEncoder,
    states_BLD: Tensor,
    batch: Batch,
    sequences: list[int],
    head: str | None = None,
) -> TowerStates:
    """Run a tower over some sequences of a batch, masked.

    # Parameters

    tower : is run.
    states_BLD : what it reads of those sequences, cut to the longest of them.
    batch : the whole batch.
    sequences : their indices in it, rising.
    head : the task of every sequence; each sequence's own head's where None.
    """
    part = batch.select(sequences)
    if isinstance(tower, TaskTower):
        tasks = part.heads if head is None else [head] * len(sequences)
        return TowerStates(tower(states_BLD, part.mask_BL, tower.indices(tasks)), sequences, part)
    return TowerStates(tower(states_BLD, part.mask_BL), sequences, part)
