"""Numbers of sentences by dataset size."""

import math
import sys
from collections.abc import Mapping

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("proportional")
class ProportionalSampler(MultiTaskEpochSampler):
    """Draw from a dataset of n sentences in proportion to n ** alpha.

    Registered as "proportional", the default.

    With `cap`, n is at most that value, also in the default number of sentences per epoch: with an
    `alpha` of 1, a dataset smaller than the cap is then drawn once per epoch.

    Sources: van der Goot et al. 2021 (MaChAmp) for `alpha`; Raffel et al. 2020, section 3.5.2
    (examples-proportional mixing) for `cap`.

    # Parameters

    alpha : 0 or more; 1 draws by size, every sentence once per epoch, and 0 draws equally.
    temperature : T for n ** (1 / T), the same as `alpha` = 1 / T; cannot be combined with `alpha`.
    cap : maximum number of sentences that a dataset counts as.
    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.

    # Example

    ```jsonnet
    { type: 'proportional', alpha: 0.5 }
    ```

    # Examples

    >>> sampler = ProportionalSampler(alpha=0.5, anchor="weibo")
    >>> sampler.sentences_per_epoch({"weibo": 100, "msra": 10000})
    {'weibo': 100, 'msra': 1000}
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
        if not 0 <= alpha < math.inf:
            raise ConfigurationError(f"expected 0 or more, found {alpha}", "alpha")
        if temperature is not None:
            if alpha != 1.0:
                raise ConfigurationError(
                    "alpha and temperature set the same value: set one of them", "temperature"
                )
            above(0, temperature, "temperature")
        at_least(1, cap, "cap")

        self._exponent = "alpha" if temperature is None else "temperature"
        self.alpha = alpha if temperature is None else 1 / temperature
        self.cap = cap

    def _counted(self, size: int) -> int:
        return size if self.cap is None else min(size, self.cap)

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return min(n, cap) ** alpha for each dataset.

        # Raises

        ConfigurationError : if one is too large for a float.
        """
        try:
            return {name: float(self._counted(size)) ** self.alpha for name, size in sizes.items()}
        except OverflowError:
            largest = max(map(self._counted, sizes.values()))
            raise ConfigurationError(
                f"{largest} ** {self.alpha:g} is too large for a float: expected an exponent of at"
                f" most {math.floor(math.log(sys.float_info.max, largest))}",
                self._exponent,
            ) from None

    def total_sentences(self, sizes: Mapping[str, int]) -> int:
        """Return the sum of min(n, cap) over datasets."""
        return sum(map(self._counted, sizes.values()))
