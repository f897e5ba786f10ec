"""Base class of augmentations."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.labels.spans import Span


class Labelled(NamedTuple):
    """A sentence with its entities, in the order of their starts."""

    text: str
    spans: list[Span]


class Augmentation(Registrable):
    """Base class of augmentations, which vary the drawn training sentences of a dataset.

    In every epoch, each drawn sentence is varied with probability `share`, and then each of its
    mentions, characters or segments with probability `probability` (Dai & Adel 2020, "An Analysis
    of Simple Data Augmentation for Named Entity Recognition"). A custom augmentation overrides
    `vary`, and `fit` if it needs the other sentences of the dataset.

    # Parameters

    share : probability that a drawn sentence is varied; the others are trained on as they are.
    probability : probability that a mention, character or segment of such a sentence is varied.
    """

    def __init__(self, share: float = 0.5, probability: float = 0.3) -> None:
        self.share = share
        self.probability = probability

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: probabilities are from 0 to 1."""
        for key in ("share", "probability"):
            value = settings.get(key)
            if value is not None and not 0 <= value <= 1:
                raise ConfigurationError(f"expected a probability from 0 to 1, found {value}", key)

    def fit(self, sentences: Iterable[Labelled]) -> None:
        """Collect what variations are made of; called once, before the first epoch.

        # Parameters

        sentences : the training sentences of the dataset, those with overlapping entities too.
        """

    def vary(self, sentence: Labelled, generator: np.random.Generator) -> Labelled:
        """Return a variation of a sentence.

        # Parameters

        sentence : its entities do not overlap.
        generator : the only source of randomness.
        """
        raise NotImplementedError


def varied(
    sentence: Labelled, augmentations: Sequence[Augmentation], generator: np.random.Generator
) -> Labelled:
    """Apply augmentations to a drawn sentence, one after the other, each with its share.

    A sentence with overlapping entities stays as it is.

    # Parameters

    sentence : the sentence.
    augmentations : in order.
    generator : the only source of randomness.
    """
    if any(later.start < earlier.end for earlier, later in pairwise(sentence.spans)):
        return sentence
    for augmentation in augmentations:
        if generator.random() < augmentation.share:
            sentence = augmentation.vary(sentence, generator)
    return sentence
