"""Base class of schedulers; helpers that spread datasets evenly and sort sentences by length."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.schedulers.batch_limit import DEFAULT_SENTENCES

PlannedBatch = list[tuple[str, int]]
Sentences = Mapping[str, NDArray[np.int64]]
Name = TypeVar("Name")
# With fewer pools than this in an epoch, lengths get noise by default.
ENOUGH_POOLS = 3
DEFAULT_NOISE = 0.1


class MultiTaskScheduler(Registrable):
    """Base class of schedulers, which arrange the sentences of an epoch into batches.

    The sampler requests a number of sentences of each dataset, `draws` may increase it, and the
    loader draws that many; a sentence that is drawn twice counts twice. Every scheduler guarantees
    that each drawn sentence is in exactly one batch, that each dataset is spread evenly over the
    epoch, and that the order is a global shuffle that depends on the generator only.

    # Parameters

    pool : number of batches whose sentences are sorted by length together. A larger pool reduces
        padding but leaves less randomness in which sentences share a batch. Which sentences share
        a pool, and the order of the batches, are always random.
    noise : sentences are sorted by length x (1 + u), with u uniform in -`noise` to `noise`, 0 to 1.
        null for 0.1 if an epoch has fewer than 3 pools, otherwise 0. Without noise, the batches of
        a corpus that fits into one pool hold nearly the same sentences in every epoch.
    """

    default_implementation = "roundrobin"

    def __init__(self, pool: int = 50, noise: float | None = None) -> None:
        at_least(1, pool, "pool")
        if noise is not None and not 0 <= noise <= 1:
            raise ConfigurationError(f"expected 0 to 1, or null, found {noise}", "noise")
        self.pool = pool
        self.noise = noise

    def noise_with(self, pools: int) -> float:
        """Return the noise in lengths, in an epoch with a number of pools."""
        if self.noise is not None:
            return self.noise
        return DEFAULT_NOISE if pools < ENOUGH_POOLS else 0.0

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {} if settings.get("max_tokens") is not None else {"batch_size": DEFAULT_SENTENCES}

    def draws(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Return the number of sentences of each dataset to draw in an epoch; by default `asked`.

        # Parameters

        asked : number of sentences of each dataset that the sampler requests.
        """
        return dict(asked)

    def batches(
        self, sentences: Sentences, lengths: Sentences, generator: np.random.Generator
    ) -> list[PlannedBatch]:
        """Arrange the drawn sentences of an epoch into batches.

        # Parameters

        sentences : indices of the drawn sentences of each dataset, in random order.
        lengths : lengths in characters of all sentences of each dataset.
        generator : the only source of randomness.

        # Returns

        The batches in order, each a list of (dataset, index of the sentence).
        """
        raise NotImplementedError

    def count(self, sentences: Mapping[str, int]) -> int | None:
        """Return the number of batches that `batches` makes, or None if it depends on lengths.

        If it is None, the epoch is planned in order to count its batches.

        # Parameters

        sentences : number of drawn sentences of each dataset.
        """
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in plain types only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""


def spread(counts: Mapping[Name, int]) -> list[Name]:
    """Interleave names, each repeated by its count and spread evenly over the whole list.

    In any run of n consecutive positions, a name with a share s of the list occurs s * n times,
    within 1 + s * (k - 2), if k names have a positive count: within 1 for two names.

    # Examples

    >>> spread({"a": 2, "b": 4})
    ['b', 'a', 'b', 'b', 'a', 'b']
    """
    names = list(counts)
    numbers = [counts[name] for name in names]
    if not any(numbers):
        return []

    positions = np.concatenate([(np.arange(count) + 0.5) / max(count, 1) for count in numbers])
    # A stable sort: of equal positions, the name that comes first in `counts` is first.
    order = np.repeat(np.arange(len(names)), numbers)[np.argsort(positions, kind="stable")]
    return [names[index] for index in order.tolist()]


def by_length(
    sentences: NDArray[np.int64],
    lengths: NDArray[np.int64],
    generator: np.random.Generator,
    noise: float = 0.0,
) -> NDArray[np.int64]:
    """Sort the sentences of a pool by length, those of equal length in random order.

    # Parameters

    sentences : indices of the sentences.
    lengths : lengths of all sentences of the dataset.
    generator : source of randomness.
    noise : largest relative change of a length before sorting.
    """
    chance = generator.permutation(len(sentences))
    keys = lengths[sentences].astype(np.float64)
    if noise:
        keys *= 1 + generator.uniform(-noise, noise, len(sentences))
    return sentences[np.lexsort((chance, keys))]
