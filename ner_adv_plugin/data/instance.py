"""Instance: one sentence of a corpus, as its author wrote it."""

from dataclasses import dataclass, field
from typing import Any

from ner_adv_plugin.data.labels.spans import Span


@dataclass(slots=True)
class Instance:
    """A text with the spans that were marked in it.

    # Parameters

    text : the original string; offsets count its Python characters, spaces included.
    spans : entities, which may nest and overlap, or words that tile the text; None if the text has no labels.
    metadata : anything a reader adds, such as the line at which the sentence begins.
    dataset : name of the dataset it belongs to.
    """

    text: str
    spans: list[Span] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    dataset: str = ""

    def __len__(self) -> int:
        return len(self.text)
