"""Building towers and running them over some of the sequences of a batch.

Shape suffixes: B sequences, L characters, D state size.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import torch
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder, Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.towers.packed import run_sequences

LazyTower: TypeAlias = Annotated[Lazy[Seq2SeqEncoder], Supplied("input_size", "input_dim", "tasks")]


@dataclass
class TowerStates:
    """States of a tower for the sequences that it ran over.

    # Parameters

    states_BLD : states of `sequences` only, padded to the longest of them.
    sequences : indices of the sequences in the whole batch, ascending.
    batch : the batch of those sequences.
    """

    states_BLD: Tensor
    sequences: list[int]
    batch: Batch

    def select(self, sequences: list[int]) -> Tensor:
        """Select the states of some sequences.

        # Parameters

        sequences : indices in the whole batch; the tower must have run over them.

        # Returns

        States, (len(sequences), L, D), padded to the longest of the selected sequences.
        """
        if sequences == self.sequences:
            return self.states_BLD

        position = {sequence: i for i, sequence in enumerate(self.sequences)}
        chosen = [position[sequence] for sequence in sequences]
        length = max((self.batch.lengths[i] for i in chosen), default=0)
        index = index_tensor(chosen, self.states_BLD.device)
        return self.states_BLD[index, :length]


class TaskTower(Seq2SeqEncoder):
    """Base class of towers that embed the task of each sequence and pass it to an inner tower.

    # Parameters

    tower : the inner tower, which must not be a `TaskTower`.
    input_size : size of the input states.
    inner_size : size of the states that the inner tower reads.
    tasks : names of the heads, in the order of their embeddings from index 1; index 0 is for
        sequences without a task.
    embedding_dim : size of a task embedding.
    """

    # Whether `forward` accepts `lengths`, the numbers of characters as a list.
    takes_lengths = False

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
        self._task_index = {None: 0} | {name: index for index, name in enumerate(tasks, 1)}
        self.embedding = torch.nn.Embedding(len(tasks) + 1, embedding_dim)
        self.tower = build_tower(tower or default_tower(), inner_size)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"tower": default_tower().filled}

    def indices(self, tasks: Sequence[str | None]) -> Tensor:
        """Embedding index of the task of each sequence, (B,) long."""
        return index_tensor(
            [self._task_index[name] for name in tasks], self.embedding.weight.device
        )

    def forward(self, inputs: Tensor, mask: Tensor, task_B: Tensor) -> Tensor:
        """Run the tower.

        # Parameters

        inputs : input states, (B, L, `input_size`).
        mask : (B, L) bool, True at characters.
        task_B : embedding indices of the tasks, from `indices`.

        # Returns

        States, (B, L, `get_output_dim()`).
        """
        raise NotImplementedError

    def get_input_dim(self) -> int:
        """Size of the input states."""
        return self.input_size

    def get_output_dim(self) -> int:
        """Size of the inner tower's states."""
        return self.tower.get_output_dim()

    def is_bidirectional(self) -> bool:
        """Whether the inner tower is bidirectional."""
        return self.tower.is_bidirectional()


def default_tower() -> Lazy[Seq2SeqEncoder]:
    """Return the default tower, a bidirectional LSTM with 128 units per direction."""

    def build(supplied: dict[str, int]) -> Seq2SeqEncoder:
        return LstmSeq2SeqEncoder(supplied["input_size"], 128, bidirectional=True)

    return Lazy(build, {"type": "lstm", "hidden_size": 128, "bidirectional": True}, "model.tower")


def build_tower(
    tower: Lazy[Seq2SeqEncoder], input_dim: int, tasks: list[str] | None = None
) -> Seq2SeqEncoder:
    """Build a tower over states of size `input_dim`.

    # Parameters

    tower : config of the tower.
    input_dim : size of the input states.
    tasks : names of the heads; None if the tower is inside another tower.

    # Raises

    ConfigurationError : the tower expects states of another size, is a `TaskTower` inside another
        tower, or is stateful, that is carries its state from one batch to the next.
    """
    if tasks is None and inspect.isclass(tower.target) and issubclass(tower.target, TaskTower):
        raise ConfigurationError(
            "a tower that reads tasks cannot be inside another tower: make it the outermost one",
            tower.path,
        )

    module = tower.construct(input_size=input_dim, input_dim=input_dim, tasks=tasks)
    if module.get_input_dim() != input_dim:
        raise ConfigurationError(
            f"the tower expects states of size {module.get_input_dim()}, but reads states of size"
            f" {input_dim}",
            tower.path,
        )
    if getattr(module, "stateful", False):
        # Sequences of consecutive batches are not consecutive text, and batches run concurrently.
        raise ConfigurationError(
            "stateful towers are not supported: expected false", f"{tower.path}.stateful"
        )
    return module


def run_tower(
    tower: Seq2SeqEncoder,
    states_BLD: Tensor,
    batch: Batch,
    sequences: list[int],
    head: str | None = None,
) -> TowerStates:
    """Run a tower over some sequences of a batch.

    # Parameters

    tower : the tower to run.
    states_BLD : input states of those sequences, padded to the longest of them.
    batch : the whole batch.
    sequences : indices of the sequences in the batch, ascending.
    head : the task of all sequences; each sequence's own task if None.
    """
    selected = batch.select(sequences)
    if isinstance(tower, TaskTower):
        tasks = selected.heads if head is None else [head] * len(sequences)
        settings = {"lengths": selected.lengths} if tower.takes_lengths else {}
        states_BLD = tower(states_BLD, selected.mask_BL, tower.indices(tasks), **settings)
    else:
        states_BLD = run_sequences(tower, states_BLD, selected.mask_BL, selected.lengths)
    return TowerStates(states_BLD, sequences, selected)
