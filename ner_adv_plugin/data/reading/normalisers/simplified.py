"""Conversion to simplified characters."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser
from ner_adv_plugin.data.text_forms import simplified


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

    _simplified: Callable[[str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._simplified = simplified()

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        return self._simplified(character)
