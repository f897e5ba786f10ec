"""Base class of segmenters."""

from collections.abc import Sequence
from typing import ClassVar

from ner_adv_plugin.common.registrable import Registrable


class Segmenter(Registrable):
    """Base class of segmenters, which split a text into words.

    A custom segmenter overrides `words`.
    """

    default_implementation = "characters"
    # Whether a whole dataset is segmented in one call before training, instead of each sentence
    # when it is drawn.
    ahead: ClassVar[bool] = False

    def __deepcopy__(self, memo: dict[int, object]) -> "Segmenter":
        """Return itself: copies of a model share its segmenter, which may hold a whole model."""
        return self

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """Split texts into words.

        # Parameters

        texts : the texts.

        # Returns

        For each text the lengths of its words in characters, which add up to its length.
        """
        raise NotImplementedError
