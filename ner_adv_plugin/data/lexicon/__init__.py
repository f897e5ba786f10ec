"""Lexicons: word lists, gazetteers, and the matches of their words in a text."""

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
