"""Tower with task embeddings.

Shape suffixes: B sequences.
"""

from collections.abc import Sequence

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.modules.towers.packed import run_sequences
from ner_adv_plugin.modules.towers.tower import LazyTower, TaskTower


@Seq2SeqEncoder.register("task_embedding")
class TaskEmbedding(TaskTower):
    """Tower that concatenates an embedding of the sequence's task to every input state.

    TE-Dec of Changpinyo et al. 2018; usually the tower is shared by all heads.

    Registered as "task_embedding".

    # Parameters

    input_size : supplied; size of the input states.
    tasks : supplied; names of the heads.
    tower : the tower that reads states and embedding; a bidirectional LSTM with 128 units per
        direction by default.
    embedding_dim : size of a task embedding.

    # Example

    ```jsonnet
    { type: 'task_embedding', embedding_dim: 25,
      tower: { type: 'lstm', hidden_size: 64, bidirectional: true } }
    ```
    """

    takes_lengths = True

    def __init__(
        self,
        input_size: int,
        tasks: list[str],
        tower: LazyTower | None = None,
        embedding_dim: int = 25,
    ) -> None:
        super().__init__(tower, input_size, input_size + embedding_dim, tasks, embedding_dim)

    def forward(
        self,
        inputs: Tensor,
        mask: Tensor,
        task_B: Tensor,
        lengths: Sequence[int] | None = None,
    ) -> Tensor:
        """See `TaskTower.forward`."""
        embeddings = self.embedding(task_B)[:, None].expand(-1, inputs.shape[1], -1)
        inputs = torch.cat([inputs, embeddings.to(inputs.dtype)], -1)
        return run_sequences(self.tower, inputs, mask, lengths)
