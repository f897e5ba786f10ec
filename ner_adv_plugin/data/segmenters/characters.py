"""Every character as a word."""

from collections.abc import Sequence

from ner_adv_plugin.data.segmenters.segmenter import Segmenter


@Segmenter.register("characters")
class CharacterSegmenter(Segmenter):
    """Every character is a word by itself.

    Registered as "characters", the default.

    # Example

    ```jsonnet
    { type: 'characters' }
    ```

    # Examples

    >>> CharacterSegmenter().words(["北京市"])
    [[1, 1, 1]]
    """

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """See `Segmenter.words`."""
        return [[1] * len(text) for text in texts]
