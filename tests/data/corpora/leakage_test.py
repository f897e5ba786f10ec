import logging

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.corpora.containment import CONTAINED_FROM
from ner_adv_plugin.data.corpora.leakage import HeldOutTexts, without_leaks
from ner_adv_plugin.data.instance import Instance
from tests.data.sentences import sentences_of
from tests.data.texts import holds, letters, texts, variants


def brute_force(held_out: list[str], text: str) -> bool:
    """Compare a text with every held-out text at every position."""
    return any(holds(text, held) for held in held_out)


@settings(max_examples=300)
@given(st.lists(texts, max_size=5), st.lists(texts, max_size=5))
@example(["!!!!!!!!"], ["a!!!!!!!!b", "!!!!!!!!", "!!!!!!!!!"])
@example(["!"], ["！"])
@example([""], ["", " "])
@example(["", "甲"], [" "])
def test_leaks_of_any_texts_equal_brute_force(held_out: list[str], own: list[str]) -> None:
    assert HeldOutTexts(held_out).find_in(own) == [brute_force(held_out, text) for text in own]


@settings(max_examples=300)
@given(st.lists(letters, max_size=4), letters.filter(bool), letters, letters, st.data())
@pytest.mark.slow
def test_leaks_of_variants_equal_brute_force(
    others: list[str], held: str, before: str, after: str, data: st.DataObject
) -> None:
    text = data.draw(variants(before + held + after))
    held_out = [*others, data.draw(variants(held))]
    expected = brute_force(held_out, text)
    assert HeldOutTexts(held_out).find_in([text]) == [expected]
    if len(held) >= CONTAINED_FROM or not before + after:
        assert expected


@pytest.mark.parametrize(("length", "found"), [(CONTAINED_FROM - 1, False), (CONTAINED_FROM, True)])
def test_short_texts_leak_only_as_whole_sentences(length: int, found: bool) -> None:
    held = "甲乙丙丁戊己庚辛壬癸"[:length]
    held_out = HeldOutTexts([held])
    assert held_out.find_in([held, f"「{held}」"]) == [True, True]
    assert held_out.find_in([f"前{held}后", f"前{held}", f"{held}后"]) == [found] * 3
    assert held_out.find_in([held[:-1], held[:3] + "。" + held[4:]]) == [False, False]


HELD = [sentences_of(("甲乙丙丁戊己庚辛", None)), sentences_of(("短", None), ("!", None))]


def training() -> dict[str, list[Instance]]:
    return {
        "a": sentences_of(("今甲乙，丙丁戊己庚辛也", None), ("短。", None), ("短文", None)),
        "b": sentences_of(("别的", None), ("!!", None)),
    }


def test_drop(caplog: pytest.LogCaptureFixture) -> None:
    train = training()
    with caplog.at_level(logging.WARNING):
        clean, leaked = without_leaks(train, HELD, "drop")
    assert leaked == {"a": 2, "b": 0}
    assert clean == {"a": train["a"][2:], "b": train["b"]}
    assert caplog.messages == [
        "a: 2 of 3 training sentences contain a validation or test sentence: removed"
    ]
    # The input is unchanged.
    assert train == training()


def test_allow(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        clean, leaked = without_leaks(training(), HELD, "allow")
    assert (clean, leaked) == (training(), {"a": 2, "b": 0})
    assert caplog.messages == [
        "a: 2 of 3 training sentences contain a validation or test sentence: kept, as "
        'data_loader.leakage is "allow"',
    ]


def test_error() -> None:
    with pytest.raises(UserError) as error:
        without_leaks(training(), HELD, "error")
    assert str(error.value) == (
        "a: 2 of 3 training sentences contain a validation or test sentence; set "
        'data_loader.leakage to "drop" to remove them'
    )
    assert without_leaks({"b": training()["b"]}, HELD, "error") == (
        {"b": training()["b"]},
        {"b": 0},
    )


def test_no_training_sentence_remains() -> None:
    train = {"a": sentences_of(("短", None))}
    with pytest.raises(
        UserError, match="a: every training sentence contains a validation or test sentence"
    ):
        without_leaks(train, HELD, "drop")
    assert without_leaks(train, HELD, "allow") == (train, {"a": 1})


@given(st.lists(texts, max_size=6), st.lists(st.lists(texts, max_size=3), max_size=3))
def test_remaining_sentences_keep_their_order_and_removed_ones_are_counted(
    train: list[str], held: list[list[str]]
) -> None:
    flat = [text for split in held for text in split]
    kept = [text for text in train if not brute_force(flat, text)]
    assume(kept or not train)
    sentences = {"a": [Instance(text) for text in train]}
    clean, leaked = without_leaks(
        sentences, [[Instance(text) for text in split] for split in held], "drop"
    )
    assert [sentence.text for sentence in clean["a"]] == kept
    assert leaked == {"a": len(train) - len(kept)}
