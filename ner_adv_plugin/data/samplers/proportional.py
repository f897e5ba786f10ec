"""Rows by dataset size."""

from collections.abc import Mapping

from ner_adv_plugin.data.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("proportional")
class ProportionalSampler(MultiTaskEpochSampler):
    """Draws from a dataset of n rows in proportion to n ** alpha (MaChAmp, van der Goot et al. 2021).

    Registered as "proportional".

    # Parameters

    alpha : 1 draws by size, every row once an epoch; 0 draws equally.
    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.
    """

    def __init__(self, alpha: float = 1.0, anchor: str | None = None, instances_per_epoch: int | None = None) -> None:
        super().__init__(anchor, instances_per_epoch)
        self.alpha = alpha

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """n ** alpha."""
        return {name: float(size) ** self.alpha for name, size in sizes.items()}
