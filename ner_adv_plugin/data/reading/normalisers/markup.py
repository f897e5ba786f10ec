"""Markup."""

import re
from dataclasses import dataclass

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading.normalisers.normaliser import Normaliser

BLANK = " "


@Normaliser.register("markup")
@dataclass
class MarkupNormaliser(Normaliser):
    """Shows markup such as `<ADDREX TYPE="PHONE">` or `</a>` as spaces, as many as it has characters.

    A space says nothing to any encoder: a tokenizer leaves nothing of it, and what it leaves nothing of is the unknown
    piece.
    Registered as "markup".

    # Parameters

    pattern : a regular expression of Python's for what is markup; a tag with a Latin name by default, so that
        `<色戒>` is none.
    """

    pattern: str = r"</?[A-Za-z][^<>]*>"

    def __post_init__(self) -> None:
        try:
            self._compiled = re.compile(self.pattern)
        except re.error as error:
            raise ConfigurationError(
                f"{self.pattern!r} is no regular expression: {error}", "pattern"
            ) from error

    def normalise(self, text: str) -> str:
        """See `Normaliser.normalise`."""
        return self._compiled.sub(lambda found: BLANK * len(found[0]), text)
