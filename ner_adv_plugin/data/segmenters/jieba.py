"""Words by jieba."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.segmenters.segmenter import Segmenter

USER = 'segmenter "jieba"'


@Segmenter.register("jieba")
class JiebaSegmenter(Segmenter):
    """Words by jieba, with its dictionary and its hidden Markov model for unknown words.

    Registered as "jieba". It needs the package `jieba`: `pip install "ner_adv_plugin[jieba]"`.

    # Parameters

    unknown_words : whether to look for words that are not in the dictionary.

    # Example

    ```jsonnet
    { type: 'jieba' }
    ```
    """

    def __init__(self, unknown_words: bool = True) -> None:
        jieba = require_extra("jieba", USER)
        jieba.setLogLevel(logging.WARNING)
        self._tokenizer: Any = jieba.Tokenizer()
        self._unknown_words = unknown_words

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the package is installed."""
        require_extra("jieba", USER)

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """See `Segmenter.words`."""
        return [
            [len(word) for word in self._tokenizer.cut(text, HMM=self._unknown_words)]
            for text in texts
        ]
