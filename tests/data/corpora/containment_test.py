import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.corpora import containment
from ner_adv_plugin.data.corpora.containment import (
    CONTAINED_FROM,
    candidates,
    is_searchable,
    normalise,
    normalise_all,
)
from tests.data.texts import letters, texts, variants


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


# Letters whose forms depend on their neighbours: a final sigma, marks, Hangul, half a surrogate.
@given(
    st.lists(
        st.one_of(
            st.text(
                st.sampled_from("aΣσ甲_\u0301\u1100\u1161\u11a8ｶﾞ①，？　 !\ud83d²½"), max_size=6
            ),
            st.text(max_size=4),
            texts,
        ),
        max_size=6,
    )
)
def test_normalise_all_is_normalise_of_each(texts: list[str]) -> None:
    assert normalise_all(texts) == [normalise(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("甲乙丙丁戊己庚辛", True), ("甲乙丙丁戊己庚", False), ("!!!!!!!!!", False), ("", False)],
)
def test_which_texts_are_searchable(text: str, expected: bool) -> None:
    assert is_searchable(text) == expected


@settings(max_examples=300)
@given(
    st.lists(st.text("甲乙", min_size=CONTAINED_FROM, max_size=20), max_size=6),
    st.lists(st.text("甲乙", max_size=30), max_size=6),
    st.integers(1, 40),
)
def test_candidates_include_all_texts_that_contain_one(
    inner: list[str], outer: list[str], block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(containment, "BLOCK", block)
        found = {i: indices.tolist() for i, indices in candidates(inner, outer)}
    for i, text in enumerate(inner):
        indices = found.get(i, [])
        assert indices == sorted(set(indices))
        assert set(indices) >= {index for index, other in enumerate(outer) if text in other}
        # Every candidate shares a gram with the text.
        grams = {text[k : k + CONTAINED_FROM] for k in range(len(text) - CONTAINED_FROM + 1)}
        assert all(any(gram in outer[index] for gram in grams) for index in indices)


def test_half_surrogates_are_characters() -> None:
    half = "甲乙丙\ud83d丁戊己庚"
    assert [
        (i, indices.tolist())
        for i, indices in candidates([half], ["前" + half, "甲乙丙丁戊己庚辛"])
    ] == [(0, [0])]


@pytest.mark.parametrize(
    "sentences",
    [
        ["哈" * 300 + str(number) for number in range(1000, 1400)],
        [str(number) + "哈" * (number % 50 + 10) for number in range(1000, 1400)],
        [f"新华社北京1月1日电记者报道第{number}号" for number in range(1000, 1400)],
    ],
)
def test_common_grams_make_no_candidates(sentences: list[str]) -> None:
    # Each sentence is its own only candidate: the work grows with sentences, not with pairs.
    assert [(i, indices.tolist()) for i, indices in candidates(sentences, sentences)] == [
        (i, [i]) for i in range(len(sentences))
    ]


def test_a_repetitive_text_is_a_candidate_once() -> None:
    assert [
        indices.tolist() for _, indices in candidates(["哈" * 9], ["哈" * 5000, "哈" * 8, "x"])
    ] == [[0, 1]]
