"""Lexicons: word lists, gazetteers, and the matches of their words in a text.

The names are imported on first use, so that prediction without torch can import `Lexicon`.
"""

from typing import TYPE_CHECKING

from ner_adv_plugin.common.lazy import lazy_exports

if TYPE_CHECKING:
    from ner_adv_plugin.data.lexicon.alphabet import LexiconAlphabet
    from ner_adv_plugin.data.lexicon.lexicon import NONE_ROW, UNKNOWN_ROW, Lexicon
    from ner_adv_plugin.data.lexicon.word_lists import CorpusWords, FileWords, WordList

__all__ = [
    "NONE_ROW",
    "UNKNOWN_ROW",
    "CorpusWords",
    "FileWords",
    "Lexicon",
    "LexiconAlphabet",
    "WordList",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "CorpusWords": "ner_adv_plugin.data.lexicon.word_lists",
        "FileWords": "ner_adv_plugin.data.lexicon.word_lists",
        "Lexicon": "ner_adv_plugin.data.lexicon.lexicon",
        "LexiconAlphabet": "ner_adv_plugin.data.lexicon.alphabet",
        "NONE_ROW": "ner_adv_plugin.data.lexicon.lexicon",
        "UNKNOWN_ROW": "ner_adv_plugin.data.lexicon.lexicon",
        "WordList": "ner_adv_plugin.data.lexicon.word_lists",
    },
)
