"""Simplified characters."""

from dataclasses import dataclass, field
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser


@Normaliser.register("simplified")
@dataclass
class SimplifiedNormaliser(CharacterNormaliser):
    """Shows traditional characters as simplified ones, by OpenCC's table `t2s`. Registered as "simplified".

    Characters are looked at one by one: OpenCC's phrases, which tell `乾坤` from `乾淨`, may change the length of a
    text, so that `乾` is `干` in both. Raises `UserError` where the package `opencc` is not installed.
    """

    _converter: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            from opencc import OpenCC
        except ImportError as error:
            raise UserError(
                'normaliser "simplified" needs a package that is not installed: pip install opencc'
            ) from error
        self._converter = OpenCC("t2s")

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        if "\ud800" <= character <= "\udfff":
            return character  # half a surrogate pair, which OpenCC does not take
        return str(self._converter.convert(character))
