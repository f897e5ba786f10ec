"""Instance: one row of a corpus, as its author wrote it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Instance:
    """A text with one tag a character.

    # Parameters

    text : the original string; a character is a Python character, spaces included.
    tags : one tag a character in the reader's training scheme, or None where the text is not labelled.
    dataset : name of the dataset it belongs to.
    metadata : anything a reader wants to hand on, such as the line the row began at.
    """

    text: str
    tags: list[str] | None = None
    dataset: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.text)
