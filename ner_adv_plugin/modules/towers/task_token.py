"""A tower that reads the task before the text."""

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.modules.towers.tower import LazyTower, TaskTower


@Seq2SeqEncoder.register("task_token")
class TaskToken(TaskTower):
    """A tower, usually shared, that reads a token of the sequence's task before its characters (TE-Enc of Changpinyo et
    al. 2018). The token's own state is left out.

    Registered as "task_token".

    # Parameters

    input_size : supplied; size of the states it reads, and of a task's embedding.
    tasks : supplied.
    tower : the tower that reads token and characters; a bidirectional LSTM of 128 by default.
    """

    def __init__(self, input_size: int, tasks: list[str], tower: LazyTower | None = None) -> None:
        super().__init__(tower, input_size, input_size, tasks, input_size)

    def forward(self, inputs: Tensor, mask: Tensor, task_B: Tensor) -> Tensor:
        """See `TaskTower.forward`."""
        token = self.embedding(task_B)[:, None].to(inputs.dtype)
        longer = torch.cat([mask.new_ones(len(mask), 1), mask], 1)
        states: Tensor = self.tower(torch.cat([token, inputs], 1), longer)
        return states[:, 1:]
