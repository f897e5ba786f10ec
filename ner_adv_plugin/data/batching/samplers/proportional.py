"""Sentences by dataset size."""

from collections.abc import Mapping

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("proportional")
class ProportionalSampler(MultiTaskEpochSampler):
    """Draws from a dataset of n sentences in proportion to n ** alpha (MaChAmp, van der Goot et al. 2021).

    With `cap` n is at most that (examples-proportional mixing, Raffel et al. 2020, section 3.5.2), also in the
    number of sentences that an epoch draws by default: then a dataset below the cap is drawn once with `alpha` 1.
    Registered as "proportional".

    # Parameters

    alpha : 1 draws by size, every sentence once an epoch; 0 draws equally.
    temperature : T for n ** (1 / T), the same as `alpha` = 1 / T; not together with `alpha`.
    cap : a dataset counts as at most so many sentences.
    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        temperature: float | None = None,
        cap: int | None = None,
        anchor: str | None = None,
        instances_per_epoch: int | None = None,
    ) -> None:
        super().__init__(anchor, instances_per_epoch)
        if temperature is not None:
            if alpha != 1.0:
                raise ConfigurationError(
                    "alpha and temperature say the same: give one", "temperature"
                )
            if not temperature > 0:
                raise ConfigurationError(
                    f"expected more than 0, found {temperature}", "temperature"
                )
        if cap is not None and cap < 1:
            raise ConfigurationError(f"expected 1 or more, found {cap}", "cap")
        self.alpha = alpha if temperature is None else 1 / temperature
        self.cap = cap

    def _counted(self, size: int) -> int:
        return size if self.cap is None else min(size, self.cap)

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """min(n, cap) ** alpha."""
        return {name: float(self._counted(size)) ** self.alpha for name, size in sizes.items()}

    def total_sentences(self, sizes: Mapping[str, int]) -> int:
        """The sum of min(n, cap)."""
        return sum(map(self._counted, sizes.values()))
