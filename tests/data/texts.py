"""Texts that are often equal after normalisation, and an independent normalisation."""

import unicodedata

from hypothesis import strategies as st

# A few letters, their forms under NFKC and case folding, and marks, spaces and emoji.
LETTERS = "ab1甲"
FORMS = {"a": "aAａＡ", "b": "bBｂＢ", "1": "1１①", "甲": "甲"}
MARKS = " 　,，。!！…😀\u200b\n"

letters = st.text(st.sampled_from(LETTERS), max_size=14)
marks = st.text(st.sampled_from(MARKS), max_size=12)
texts = st.one_of(
    letters, marks, st.text(st.sampled_from(LETTERS + MARKS + "Ａ①ﬁ㎏ß"), max_size=14)
)


@st.composite
def variants(draw: st.DrawFn, text: str) -> str:
    """Draw a text with the same letters in other forms and with marks between them."""
    strings = [draw(marks)]
    for letter in text:
        strings += [
            draw(st.sampled_from(FORMS.get(letter, letter))),
            draw(st.text(st.sampled_from(MARKS), max_size=2)),
        ]
    return "".join(strings)


def letters_of(text: str) -> list[str]:
    """Return the letters and digits of the compatibility form in lower case."""
    return [
        c for c in unicodedata.normalize("NFKC", text).lower() if unicodedata.category(c)[0] in "LN"
    ]


def equal(one: str, other: str) -> bool:
    """Return whether two texts have the same letters and digits, or are equal without any."""
    return (letters_of(one) or list(one)) == (letters_of(other) or list(other))


def holds(outer: str, inner: str) -> bool:
    """Return whether a text equals another, or contains its 8 or more letters and digits."""
    own, other = letters_of(outer), letters_of(inner)
    starts = range(len(own) - len(other) + 1)
    return equal(outer, inner) or (
        len(other) >= 8 and any(own[i : i + len(other)] == other for i in starts)
    )
