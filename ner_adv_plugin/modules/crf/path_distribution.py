"""What a model says of every tag path of a row.

Shape suffixes: B rows, L positions, T tags.
"""

from dataclasses import dataclass

from torch import Tensor

from ner_adv_plugin.modules.crf.conditional_random_field import ConditionalRandomField, NBest


@dataclass
class PathDistribution:
    """The distribution over the tag paths of every row of a batch.

    # Parameters

    crf : scores paths.
    emissions_BLT : scores of tags.
    mask_BL : True at real characters.
    """

    crf: ConditionalRandomField
    emissions_BLT: Tensor
    mask_BL: Tensor

    def n_best(self, n: int) -> NBest:
        """The `n` best paths of every row, exactly."""
        return self.crf.n_best(self.emissions_BLT, self.mask_BL, n)

    def entropy(self) -> Tensor:
        """Entropy of the whole distribution in nats, (B,)."""
        return self.crf.entropy(self.emissions_BLT, self.mask_BL)
