"""Replace entities by others of their type."""

from collections.abc import Iterable

import numpy as np

from ner_adv_plugin.data.batching.augmentation.augmentation import Augmentation, Labelled
from ner_adv_plugin.data.labels.spans import Span


@Augmentation.register("mention_replacement")
class MentionReplacement(Augmentation):
    r"""Replace an entity by another mention of its type (Dai & Adel 2020, "mention replacement").

    A mention $m$ of type $t$ becomes, with probability `probability`, a mention drawn from all
    mentions of this type in the training sentences of the dataset,
    $P(m') = n(m', t) \,/ \sum_{m''} n(m'', t)$, with counts $n$.

    Registered as "mention_replacement".

    # Parameters

    share, probability : see `Augmentation`.

    # Example

    ```jsonnet
    { type: 'mention_replacement', share: 0.5, probability: 0.3 }
    ```

    # Examples

    >>> augmentation = MentionReplacement(probability=1.0)
    >>> augmentation.fit([Labelled("去上海", [Span(1, 3, "LOC")])])
    >>> augmentation.vary(Labelled("在京的人", [Span(1, 2, "LOC")]), np.random.default_rng(0))
    Labelled(text='在上海的人', spans=[Span(start=1, end=3, type='LOC')])
    """

    def fit(self, sentences: Iterable[Labelled]) -> None:
        """See `Augmentation.fit`: collects the mentions of every type."""
        self._mentions: dict[str, list[str]] = {}
        for text, spans in sentences:
            for span in spans:
                self._mentions.setdefault(span.type, []).append(text[span.start : span.end])

    def vary(self, sentence: Labelled, generator: np.random.Generator) -> Labelled:
        """See `Augmentation.vary`."""
        parts: list[str] = []
        spans: list[Span] = []
        length = end = 0
        for span in sentence.spans:
            context = sentence.text[end : span.start]
            mention = sentence.text[span.start : span.end]
            others = self._mentions.get(span.type)
            if others and generator.random() < self.probability:
                mention = others[generator.integers(len(others))]
            start = length + len(context)
            length = start + len(mention)
            parts += [context, mention]
            spans.append(Span(start, length, span.type))
            end = span.end
        return Labelled("".join([*parts, sentence.text[end:]]), spans)
