"""Replace characters by others with the same label."""

from collections.abc import Iterable

import numpy as np

from ner_adv_plugin.data.batching.augmentation.augmentation import Augmentation, Labelled
from ner_adv_plugin.data.labels.spans import Span


@Augmentation.register("token_replacement")
class TokenReplacement(Augmentation):
    r"""Replace characters label-wise (Dai & Adel 2020, "label-wise token replacement").

    A character with label $l$ (outside, or the first or a later one of a type) becomes, with
    probability `probability`, a character drawn from all with this label in the training sentences
    of the dataset, $P(c') = n(c', l) \,/ \sum_{c''} n(c'', l)$, with counts $n$. Labels and length
    stay.

    Registered as "token_replacement".

    # Parameters

    share, probability : see `Augmentation`.

    # Example

    ```jsonnet
    { type: 'token_replacement', share: 0.5, probability: 0.1 }
    ```

    # Examples

    >>> augmentation = TokenReplacement(probability=1.0)
    >>> augmentation.fit([Labelled("去上海", [Span(1, 3, "LOC")])])
    >>> augmentation.vary(Labelled("在北京了", [Span(1, 3, "LOC")]), np.random.default_rng(0)).text
    '去上海去'
    """

    def fit(self, sentences: Iterable[Labelled]) -> None:
        """See `Augmentation.fit`: collects the characters with every label."""
        found: dict[str, list[str]] = {}
        for text, spans in sentences:
            for character, label in zip(text, labels_of(len(text), spans), strict=True):
                found.setdefault(label, []).append(character)
        self._characters = {label: "".join(characters) for label, characters in found.items()}

    def vary(self, sentence: Labelled, generator: np.random.Generator) -> Labelled:
        """See `Augmentation.vary`."""
        characters = list(sentence.text)
        chosen = generator.random(len(characters)) < self.probability
        for i, label in enumerate(labels_of(len(characters), sentence.spans)):
            others = self._characters.get(label)
            if chosen[i] and others:
                characters[i] = others[generator.integers(len(others))]
        return Labelled("".join(characters), sentence.spans)


def labels_of(length: int, spans: Iterable[Span]) -> list[str]:
    """Return the label of each character: "O", or "B-" or "I-" and the type.

    # Parameters

    length : number of characters.
    spans : entities; of overlapping ones, the last counts.
    """
    labels = ["O"] * length
    for span in spans:
        labels[span.start : span.end] = [f"I-{span.type}"] * (span.end - span.start)
        labels[span.start] = f"B-{span.type}"
    return labels
