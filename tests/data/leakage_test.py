import logging
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.leakage import CONTAINED_FROM, HeldOutTexts, normalise, without_leaks
from tests.data.rows import rows_of

# Few letters, so that texts meet often; forms of each that NFKC and case fold; marks, spaces and emoji between.
LETTERS = "ab1甲"
FORMS = {"a": "aAａＡ", "b": "bBｂＢ", "1": "1１①", "甲": "甲"}
MARKS = " 　,，。!！…😀\u200b\n"

letters = st.text(st.sampled_from(LETTERS), max_size=14)
marks = st.text(st.sampled_from(MARKS), max_size=12)
texts = st.one_of(letters, marks, st.text(st.sampled_from(LETTERS + MARKS + "Ａ①ﬁ㎏ß"), max_size=14))


@st.composite
def variants(draw: st.DrawFn, text: str) -> str:
    """The same letters in other forms, with marks anywhere."""
    parts = [draw(marks)]
    for letter in text:
        parts += [draw(st.sampled_from(FORMS.get(letter, letter))), draw(st.text(st.sampled_from(MARKS), max_size=2))]
    return "".join(parts)


def plain(text: str) -> list[str]:
    """Letters and digits of the compatibility forms, in lower case; all of a text that has none."""
    found = [c for c in unicodedata.normalize("NFKC", text).lower() if unicodedata.category(c)[0] in "LN"]
    return found or list(text)


def brute_force(held_out: list[str], text: str) -> bool:
    """Compares with every held-out text at every place."""
    own = plain(text)
    for other in map(plain, held_out):
        if own == other:
            return True
        places = range(len(own) - len(other) + 1)
        if len(other) >= CONTAINED_FROM and any(own[i : i + len(other)] == other for i in places):
            return True
    return False


@settings(max_examples=300)
@given(st.lists(texts, max_size=5), texts)
@example(["!!!!!!!!"], "a!!!!!!!!b")
@example(["!!!!!!!!"], "!!!!!!!!!")
@example(["!"], "！")
@example([""], "")
@example(["", "甲"], " ")
def test_any_texts_against_brute_force(held_out: list[str], text: str) -> None:
    assert HeldOutTexts(held_out).holds(text) == brute_force(held_out, text)


@settings(max_examples=300)
@given(st.lists(letters, max_size=4), letters.filter(bool), letters, letters, st.data())
def test_hidden_variants_against_brute_force(
    others: list[str], held: str, before: str, after: str, data: st.DataObject
) -> None:
    text = data.draw(variants(before + held + after))
    held_out = [*others, data.draw(variants(held))]
    expected = brute_force(held_out, text)
    assert HeldOutTexts(held_out).holds(text) == expected
    if len(held) >= CONTAINED_FROM or not before + after:
        assert expected


@given(letters.filter(bool), st.data())
def test_normalise_is_the_same_for_all_variants(text: str, data: st.DataObject) -> None:
    assert normalise(data.draw(variants(text))) == text


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ｈｅｌｌｏ，　世界！", "hello世界"),
        ("12:30 ①", "12301"),
        ("！！！", "！！！"),
        ("😀", "😀"),
        (" ", " "),
        ("", ""),
    ],
)
def test_normalise_by_hand(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(("length", "found"), [(CONTAINED_FROM - 1, False), (CONTAINED_FROM, True)])
def test_short_texts_are_found_only_whole(length: int, found: bool) -> None:
    held = "甲乙丙丁戊己庚辛壬癸"[:length]
    held_out = HeldOutTexts([held])
    assert held_out.holds(held) and held_out.holds(f"「{held}」")
    for text in (f"前{held}后", f"前{held}", f"{held}后"):
        assert held_out.holds(text) == found
    assert not held_out.holds(held[:-1]) and not held_out.holds(held[:3] + "。" + held[4:])


HELD = [rows_of(("甲乙丙丁戊己庚辛", None)), rows_of(("短", None), ("!", None))]


def training() -> dict[str, list[Instance]]:
    return {
        "a": rows_of(("今甲乙，丙丁戊己庚辛也", None), ("短。", None), ("短文", None)),
        "b": rows_of(("别的", None), ("!!", None)),
    }


def test_drop(caplog: pytest.LogCaptureFixture) -> None:
    train = training()
    with caplog.at_level(logging.WARNING):
        clean, leaked = without_leaks(train, HELD, "drop")
    assert leaked == {"a": 2, "b": 0}
    assert clean == {"a": train["a"][2:], "b": train["b"]}
    assert caplog.messages == ["a: 2 of 3 training rows hold a validation or test row: left out"]
    # The rows that were read stay where they are.
    assert train == training()


def test_allow(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        clean, leaked = without_leaks(training(), HELD, "allow")
    assert (clean, leaked) == (training(), {"a": 2, "b": 0})
    assert caplog.messages == [
        "a: 2 of 3 training rows hold a validation or test row: kept, as the config says",
    ]


def test_error() -> None:
    with pytest.raises(UserError) as error:
        without_leaks(training(), HELD, "error")
    assert str(error.value) == (
        'a: 2 of 3 training rows hold a validation or test row; data_loader.leakage: "drop" leaves them out'
    )
    assert without_leaks({"b": training()["b"]}, HELD, "error") == ({"b": training()["b"]}, {"b": 0})


def test_nothing_left_to_train_on() -> None:
    train = {"a": rows_of(("短", None))}
    with pytest.raises(UserError, match="a: every training row holds a validation or test row"):
        without_leaks(train, HELD, "drop")
    assert without_leaks(train, HELD, "allow") == (train, {"a": 1})


@given(st.lists(texts, max_size=6), st.lists(st.lists(texts, max_size=3), max_size=3))
def test_rows_stay_in_order_and_are_counted(train: list[str], held: list[list[str]]) -> None:
    flat = [text for split in held for text in split]
    kept = [text for text in train if not brute_force(flat, text)]
    assume(kept or not train)
    rows = {"a": [Instance(text) for text in train]}
    clean, leaked = without_leaks(rows, [[Instance(text) for text in split] for split in held], "drop")
    assert [row.text for row in clean["a"]] == kept
    assert leaked == {"a": len(train) - len(kept)}
