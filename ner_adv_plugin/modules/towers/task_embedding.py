"""A tower that reads the task beside every state."""

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.modules.towers.tower import LazyTower, TaskTower


@Seq2SeqEncoder.register("task_embedding")
class TaskEmbedding(TaskTower):
    """A tower, usually a decoder shared by the heads, that reads the embedding of the sequence's task beside every state
    (TE-Dec of Changpinyo et al. 2018).

    Registered as "task_embedding".

    # Parameters

    input_size : supplied; size of the states it reads.
    tasks : supplied.
    tower : the tower that reads both; a bidirectional LSTM of 128 by default.
    embedding_dim : size of a task's embedding.
    """

    def __init__(
        self,
        input_size: int,
        tasks: list[str],
        tower: LazyTower | None = None,
        embedding_dim: int = 25,
    ) -> None:
        super().__init__(tower, input_size, input_size + embedding_dim, tasks, embedding_dim)

    def forward(self, inputs: Tensor, mask: Tensor, task_B: Tensor) -> Tensor:
        """See `TaskTower.forward`."""
        tasks = self.embedding(task_B)[:, None].expand(-1, inputs.shape[1], -1)
        states: Tensor = self.tower(torch.cat([inputs, tasks.to(inputs.dtype)], -1), mask)
        return states
