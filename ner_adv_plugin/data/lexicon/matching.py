"""Finding the words of a lexicon in texts.

Shape suffixes: M matches.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.extras import require_extra


def automaton_of(entries: Iterable[tuple[str, Sequence[tuple[int, ...]]]]) -> Any:
    """Build a matcher; each word has its length and the values of its matches."""
    ahocorasick = require_extra("ahocorasick", 'encoder "lexicon"')
    automaton = ahocorasick.Automaton()
    for word, values in entries:
        automaton.add_word(word, (len(word), values))
    automaton.make_automaton()
    return automaton


def found_in(automaton: Any, text: str, columns: int) -> NDArray[np.int32]:
    """Return start, end and values of every match, (M, columns)."""
    found = (
        sorted(
            (last + 1 - length, last + 1, *own)
            for last, (length, values) in automaton.iter(text)
            for own in values
        )
        if len(automaton)
        else []
    )
    return np.array(found, np.int32).reshape(len(found), columns)


def count_words(words: Collection[str], texts: Iterable[str]) -> Counter[str]:
    """Count the matches of words in texts, without those that a longer match covers.

    # Parameters

    words : the words.
    texts : the texts.

    # Examples

    >>> counts = count_words(["长江", "长江大桥", "大桥"], ["长江大桥和长江"])
    >>> dict(counts)
    {'长江大桥': 1, '长江': 1}
    """
    counts: Counter[str] = Counter()
    automaton = automaton_of((word, [()]) for word in words)
    for text in texts:
        reached = 0
        by_start = sorted(
            found_in(automaton, text, 2).tolist(), key=lambda match: (match[0], -match[1])
        )
        for start, end in by_start:
            if end > reached:
                counts[text[start:end]] += 1
                reached = end
    return counts
