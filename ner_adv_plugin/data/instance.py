"""Instance: one sentence of a corpus with its gold spans."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ner_adv_plugin.data.labels.highlighting import Palette, fragment, highlighted, legend
from ner_adv_plugin.data.labels.spans import Span

# Key of `Instance.metadata` for the probabilities of predicted spans, by span.
SCORES = "scores"


@dataclass(slots=True)
class Instance:
    """A text with its annotated spans.

    # Parameters

    text : the original string; offsets count its Python characters, including spaces.
    spans : entities, which may nest and overlap, or words that tile the text; None if the text is
        unlabelled.
    metadata : additional information from the reader, such as the line on which the sentence
        begins.
    dataset : name of the dataset that the sentence belongs to.

    # Examples

    >>> from ner_adv_plugin.data import Instance, Span
    >>> instance = Instance("王明在北京", [Span(0, 2, "PER"), Span(3, 5, "LOC")])
    >>> len(instance)
    5
    >>> [instance.text[span.start : span.end] for span in instance.spans]
    ['王明', '北京']
    """

    text: str
    spans: list[Span] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    dataset: str = ""

    def __len__(self) -> int:
        return len(self.text)

    def _repr_html_(self) -> str:
        """Return the text with its spans in colours, as Jupyter shows it."""
        return shown([self])


def shown(sentences: Sequence[Instance], at_most: int = 20) -> str:
    """Return sentences with their spans in colours, as HTML for a cell of a notebook.

    # Parameters

    sentences : the sentences.
    at_most : number of sentences that are shown; the legend counts all of them.
    """
    counts = Counter(span.type for sentence in sentences for span in sentence.spans or ())
    palette = Palette(sorted(counts))
    parts = [
        f"<p>{highlighted(one.text, one.spans or (), palette, one.metadata.get(SCORES))}</p>"
        for one in sentences[:at_most]
    ]
    if len(sentences) > 1:
        total = f"{len(sentences):,} sentences, {counts.total():,} entities"
        rest = f", the first {at_most} of them" if len(sentences) > at_most else ""
        parts.insert(0, f"<div>{total}{rest}</div>{legend(counts, palette)}")
    return fragment(parts)
