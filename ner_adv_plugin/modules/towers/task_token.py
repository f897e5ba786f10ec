"""Tower with task tokens.

Shape suffixes: B sequences.
"""

from collections.abc import Sequence

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.modules.towers.packed import run_sequences
from ner_adv_plugin.modules.towers.tower import LazyTower, TaskTower


@Seq2SeqEncoder.register("task_token")
class TaskToken(TaskTower):
    """Tower that prepends a token for the sequence's task to its input states.

    TE-Enc of Changpinyo et al. 2018; usually the tower is shared by all heads. The output state of
    the token is dropped.

    Registered as "task_token".

    # Parameters

    input_size : supplied; size of the input states and of the task token.
    tasks : supplied; names of the heads.
    tower : the tower that reads token and states; a bidirectional LSTM with 128 units per direction
        by default.

    # Example

    ```jsonnet
    { type: 'task_token', tower: { type: 'lstm', hidden_size: 64, bidirectional: true } }
    ```
    """

    takes_lengths = True

    def __init__(self, input_size: int, tasks: list[str], tower: LazyTower | None = None) -> None:
        super().__init__(tower, input_size, input_size, tasks, input_size)

    def forward(
        self,
        inputs: Tensor,
        mask: Tensor,
        task_B: Tensor,
        lengths: Sequence[int] | None = None,
    ) -> Tensor:
        """See `TaskTower.forward`."""
        token = self.embedding(task_B)[:, None].to(inputs.dtype)
        mask_with_token = torch.cat([mask.new_ones(mask.shape[0], 1), mask], 1)

        with_token = None if lengths is None else [length + 1 for length in lengths]
        inputs_with_token = torch.cat([token, inputs], 1)
        return run_sequences(self.tower, inputs_with_token, mask_with_token, with_token)[:, 1:]
