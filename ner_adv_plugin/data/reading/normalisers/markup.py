"""Removal of markup."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.normalisers.normaliser import Normaliser
from ner_adv_plugin.data.text_forms import MARKUP, without_markup


@Normaliser.register("markup")
@dataclass
class MarkupNormaliser(Normaliser):
    """Replaces each character of markup such as `<a href="x">` or `</a>` by a space.

    Registered as "markup". Tokenizers drop spaces, so that an encoder with a tokenizer receives the
    unknown subword for each of them.

    # Parameters

    pattern : a Python regular expression that matches markup; by default a tag with a Latin name,
        so that `<色戒>` is left unchanged.

    # Example

    ```jsonnet
    { type: 'markup', pattern: '#[^#]+#|@[A-Za-z]+' }
    ```

    # Examples

    >>> MarkupNormaliser().normalise("<b>北京</b>")
    '   北京    '
    """

    pattern: str = MARKUP

    def __post_init__(self) -> None:
        self._without_markup = without_markup(self.pattern)

    def normalise(self, text: str) -> str:
        """See `Normaliser.normalise`."""
        return self._without_markup(text)
