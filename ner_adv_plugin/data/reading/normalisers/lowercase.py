"""Conversion to lower case."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser
from ner_adv_plugin.data.text_forms import lowercase


@Normaliser.register("lowercase")
@dataclass
class LowercaseNormaliser(CharacterNormaliser):
    """Converts letters to lower case. Registered as "lowercase".

    `İ`, whose lower case has two characters, is left unchanged.

    # Example

    ```jsonnet
    { type: 'lowercase' }
    ```

    # Examples

    >>> LowercaseNormaliser().normalise("IBM公司")
    'ibm公司'
    """

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        return lowercase(character)
