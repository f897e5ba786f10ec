"""The base of all normalisers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ner_adv_plugin.common.registrable import Registrable


class Normaliser(Registrable):
    """Shows the encoder a text in another form, one character for each of the original.

    Tags, offsets, answers, scores and leakage are of the original all the same.
    """

    def normalise(self, text: str) -> str:
        """A text as it is shown to the encoder; as long as the original."""
        raise NotImplementedError


@dataclass
class CharacterNormaliser(Normaliser):
    """Base of normalisers that look at one character at a time; a subclass overrides `form`.

    A character whose form is not one character is shown as it is: whatever was cut out of `…` or `㎏` would
    say less than they do, and a tokenizer of pieces makes of them what it was trained on.
    """

    _table: dict[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._table = _Table(self.form)

    def form(self, character: str) -> str:
        """What a character becomes, of any length."""
        raise NotImplementedError

    def normalise(self, text: str) -> str:
        """See `Normaliser.normalise`."""
        return text.translate(self._table)


class _Table(dict[int, str]):
    """What is shown for each code point, found out where it is first met."""

    def __init__(self, form: Callable[[str], str]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, point: int) -> str:
        character = chr(point)
        form = self._form(character)
        self[point] = form if len(form) == 1 else character
        return self[point]
