"""Conversion to simplified characters."""

from dataclasses import dataclass, field
from typing import Any

from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser


@Normaliser.register("simplified")
@dataclass
class SimplifiedNormaliser(CharacterNormaliser):
    """Converts traditional to simplified characters with OpenCC's configuration `t2s`.

    Registered as "simplified". Characters are converted one by one, without OpenCC's phrase tables,
    which may change the length of a text: `乾` is converted to `干` both in `乾坤` and in `乾淨`.
    Requires the package `opencc`.

    # Raises

    UserError : if `opencc` is not installed.

    # Example

    ```jsonnet
    { type: 'simplified' }
    ```
    """

    _converter: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._converter = require_extra("opencc", 'normaliser "simplified"').OpenCC("t2s")

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        if "\ud800" <= character <= "\udfff":
            return character  # OpenCC does not accept single surrogates.
        return str(self._converter.convert(character))
