"""Texts that often become equal when normalised, and an independent normalisation of them."""

import unicodedata

from hypothesis import strategies as st

# Few letters, variants of each that NFKC and lower-casing unify, and characters that are ignored.
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
    """Replace letters by their variants and insert marks anywhere."""
    drawn = [draw(marks)]
    for letter in text:
        drawn += [
            draw(st.sampled_from(FORMS.get(letter, letter))),
            draw(st.text(st.sampled_from(MARKS), max_size=2)),
        ]
    return "".join(drawn)


def letters_of(text: str) -> list[str]:
    """Return the letters and digits of a text in NFKC and lower case."""
    return [
        c for c in unicodedata.normalize("NFKC", text).lower() if unicodedata.category(c)[0] in "LN"
    ]


def equal(one: str, other: str) -> bool:
    """Whether two texts have the same letters and digits; texts without any must be identical."""
    return (letters_of(one) or list(one)) == (letters_of(other) or list(other))


def holds(outer: str, inner: str) -> bool:
    """Whether a text equals another, or contains its letters and digits if they are 8 or more."""
    container, contained = letters_of(outer), letters_of(inner)
    starts = range(len(container) - len(contained) + 1)
    return equal(outer, inner) or (
        len(contained) >= 8 and any(container[i : i + len(contained)] == contained for i in starts)
    )
