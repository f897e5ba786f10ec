"""Shuffle the characters of entities and of the text between them."""

import numpy as np

from ner_adv_plugin.data.batching.augmentation.augmentation import Augmentation, Labelled


@Augmentation.register("segment_shuffle")
class SegmentShuffle(Augmentation):
    """Shuffle characters within segments (Dai & Adel 2020, "shuffle within segments").

    A sentence consists of segments: each entity, and each stretch of text between entities. The
    characters of a segment are, with probability `probability`, put into random order, every order
    equally likely. Labels and length stay.

    Registered as "segment_shuffle".

    # Parameters

    share, probability : see `Augmentation`.
    entities : whether entities are shuffled, too; if false, only the context.

    # Example

    ```jsonnet
    { type: 'segment_shuffle', entities: false, probability: 0.3 }
    ```
    """

    def __init__(self, share: float = 0.5, probability: float = 0.3, entities: bool = True) -> None:
        super().__init__(share, probability)
        self.entities = entities

    def vary(self, sentence: Labelled, generator: np.random.Generator) -> Labelled:
        """See `Augmentation.vary`."""
        text, parts, end = sentence.text, [], 0
        for span in sentence.spans:
            parts.append(self._shuffled(text[end : span.start], generator))
            mention = text[span.start : span.end]
            parts.append(self._shuffled(mention, generator) if self.entities else mention)
            end = span.end
        parts.append(self._shuffled(text[end:], generator))
        return Labelled("".join(parts), sentence.spans)

    def _shuffled(self, segment: str, generator: np.random.Generator) -> str:
        if len(segment) < 2 or generator.random() >= self.probability:
            return segment
        return "".join(segment[i] for i in generator.permutation(len(segment)))
