"""Head with the CRF of the library pytorch-crf, for comparison.

Shape suffixes: B sentences, L characters, T tags.
"""

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.heads.head import Head
from ner_adv_plugin.modules.heads.tagging_head import TaggingHead


@Head.register("pytorch_crf")
class PytorchCrfHead(TaggingHead):
    """Linear-chain CRF of the library pytorch-crf, unchanged.

    It has no constraints, and decodes one sentence at a time. On a GPU the library makes the host
    wait at every character.

    Registered as "pytorch_crf".

    # Parameters

    label_space, input_dim, reads, weight, dropout, normalize_by, scheme : see `TaggingHead`.

    # Example

    ```jsonnet
    { type: 'pytorch_crf', dropout: 0.2 }
    ```
    """

    ranks_readings = True

    def set_up(self) -> None:
        """See `TaggingHead.set_up`."""
        from torchcrf import CRF

        self.crf = CRF(len(self.labels), batch_first=True)

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        """See `TaggingHead.negative_log_likelihood`."""
        with torch.autocast(emissions_BLT.device.type, enabled=False):
            return -self.crf(emissions_BLT.float(), tags_BL, mask_BL, reduction="none")

    def as_crf(self) -> ConditionalRandomField:
        """See `TaggingHead.as_crf`."""
        return ConditionalRandomField.of_scores(self.crf.state_dict())

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `TaggingHead.decode`."""
        paths = [torch.tensor(path) for path in self.crf.decode(emissions_BLT.float(), mask_BL)]
        best_BL = pad_sequence(paths, batch_first=True).to(emissions_BLT.device)
        return torch.nn.functional.pad(best_BL, (0, mask_BL.shape[1] - best_BL.shape[1]))
