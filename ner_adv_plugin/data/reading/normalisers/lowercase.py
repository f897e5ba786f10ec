"""Lower case."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser


@Normaliser.register("lowercase")
@dataclass
class LowercaseNormaliser(CharacterNormaliser):
    """Shows each letter in lower case. Registered as "lowercase".

    `İ`, whose lower case is two characters, stays as it is.
    """

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        return character.lower()
