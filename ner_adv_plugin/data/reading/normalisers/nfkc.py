"""Unicode normalisation form KC."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser
from ner_adv_plugin.data.text_forms import nfkc


@Normaliser.register("nfkc")
@dataclass
class NfkcNormaliser(CharacterNormaliser):
    """Converts characters to normalisation form KC: `Ａ` to `A`, `①` to `1`, U+3000 to a space.

    Registered as "nfkc". Characters are converted one by one, so that a letter and its combining
    mark remain two characters. Characters whose form has several characters, such as `…` or `㎏`,
    are left unchanged.

    Source: Unicode Standard Annex 15.

    # Example

    ```jsonnet
    { type: 'nfkc' }
    ```

    # Examples

    >>> NfkcNormaliser().normalise("Ｔ恤…")
    'T恤…'
    """

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        return nfkc(character)
