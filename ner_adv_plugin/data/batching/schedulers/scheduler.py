"""The base of all schedulers, and what they share: spreading datasets evenly, bucketing sentences by length."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable

PlannedBatch = list[tuple[str, int]]
Sentences = Mapping[str, NDArray[np.int64]]
Name = TypeVar("Name")


class MultiTaskScheduler(Registrable):
    """Lays the sentences that an epoch draws into batches.

    The sampler asks for sentences, `draws` may raise what it asks for, and the loader draws that many of each dataset:
    a sentence that is drawn twice counts twice. Promised: every drawn sentence is in exactly one batch; each dataset is
    spread evenly over the epoch; the order is a global shuffle, a function of the generator alone.

    # Parameters

    pool : batches whose sentences are sorted by length together; more saves padding, and leaves less to chance in
        which sentences share a batch. Which sentences share a pool, and the order of batches, stay random.
    """

    default_implementation = "roundrobin"

    def __init__(self, pool: int = 50) -> None:
        if pool < 1:
            raise ConfigurationError(f"expected 1 or more, found {pool}", "pool")
        self.pool = pool

    def draws(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Sentences of each dataset that an epoch draws where the sampler asks for so many; by default those."""
        return dict(asked)

    def batches(
        self, sentences: Sentences, lengths: Sentences, generator: np.random.Generator
    ) -> list[PlannedBatch]:
        """The epoch's batches.

        # Parameters

        sentences : for every dataset the drawn sentences, in random order.
        lengths : for every dataset the length in characters of each of all its sentences.
        generator : the only source of chance.
        """
        raise NotImplementedError

    def count(self, sentences: Mapping[str, int]) -> int | None:
        """How many batches `batches` makes of so many drawn sentences of each dataset, None where that is not all it takes.

        Where it is None, the batches are made to count them.
        """
        return None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; plain types only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


def spread(counts: Mapping[Name, int]) -> list[Name]:
    """Names, each as often as it counts, every one spread evenly over the whole.

    In any run of n consecutive places a name of share s, one of k that count, stands s * n times, give or take
    1 + s * (k - 2): one where there are two names.
    """
    places = [
        ((i + 0.5) / count, order, name)
        for order, (name, count) in enumerate(counts.items())
        for i in range(count)
    ]
    return [name for _, _, name in sorted(places, key=lambda place: place[:2])]


def by_length(
    sentences: NDArray[np.int64], lengths: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Sentences of one pool by rising length, those of one length in random order."""
    chance = generator.permutation(len(sentences))
    return sentences[np.lexsort((chance, lengths[sentences]))]
