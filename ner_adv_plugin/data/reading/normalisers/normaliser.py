"""Base classes of normalisers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.text_forms import character_wise


class Normaliser(Registrable):
    """Base class of normalisers, which change the text that the encoder receives.

    Every character is replaced by exactly one character, so that tags and offsets remain valid.
    Predictions, scores and the detection of leakage use the original text.
    """

    def normalise(self, text: str) -> str:
        """Return the text for the encoder, which is as long as the original."""
        raise NotImplementedError


@dataclass
class CharacterNormaliser(Normaliser):
    """Base class of normalisers that treat characters independently; subclasses override `form`.

    A character whose form is not a single character is left unchanged: a part of the form of `…` or
    `㎏` would lose information, and subword tokenizers normalise such characters as they did in
    pre-training.
    """

    _replace: Callable[[str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._replace = character_wise(self.form)

    def form(self, character: str) -> str:
        """Return the normalised form of a character, of any length."""
        raise NotImplementedError

    def normalise(self, text: str) -> str:
        """See `Normaliser.normalise`."""
        return self._replace(text)
