"""Texts that meet often once they are normalised, and what is left of them, found another way."""

import unicodedata

from hypothesis import strategies as st

# Few letters; forms of each that NFKC and case fold; marks, spaces and emoji between.
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
    """The same letters in other forms, with marks anywhere."""
    parts = [draw(marks)]
    for letter in text:
        parts += [
            draw(st.sampled_from(FORMS.get(letter, letter))),
            draw(st.text(st.sampled_from(MARKS), max_size=2)),
        ]
    return "".join(parts)


def letters_of(text: str) -> list[str]:
    """Letters and digits of the compatibility forms, in lower case."""
    return [
        c for c in unicodedata.normalize("NFKC", text).lower() if unicodedata.category(c)[0] in "LN"
    ]


def equal(one: str, other: str) -> bool:
    """Whether two texts have the same letters and digits; without any, whether they are the same."""
    return (letters_of(one) or list(one)) == (letters_of(other) or list(other))


def holds(outer: str, inner: str) -> bool:
    """Whether a text equals another, or has its letters and digits, 8 or more, somewhere: every place is tried."""
    own, other = letters_of(outer), letters_of(inner)
    places = range(len(own) - len(other) + 1)
    return equal(outer, inner) or (
        len(other) >= 8 and any(own[i : i + len(other)] == other for i in places)
    )
