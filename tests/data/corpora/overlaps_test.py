"""Overlaps between splits, compared with brute force over all pairs of sentences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.corpora.overlaps import Overlap, SplitRows, find_overlaps
from tests.data.texts import equal, holds, texts, variants

SPLITS = [("a", "train"), ("a", "validation"), ("b", "train"), ("b", "test")]


@st.composite
def splits(draw: st.DrawFn) -> list[SplitRows]:
    """Splits of two datasets whose sentences are variants of, or contained in, one another."""
    pool = draw(st.lists(texts, min_size=1, max_size=4))
    pool += [draw(variants(text)) for text in pool] + [f"前{text}ab" for text in pool]
    sentences = st.tuples(st.sampled_from(pool), st.sampled_from([b"O", b"B", None]))
    made = []
    for dataset, split in draw(st.lists(st.sampled_from(SPLITS), unique=True, max_size=4)):
        own = draw(st.lists(sentences, max_size=5))
        tagged = [None if tags is None else text.encode() + tags for text, tags in own]
        made.append(SplitRows(dataset, split, [text for text, _ in own], tagged))
    return made


def compared(one: SplitRows, other: SplitRows) -> Overlap:
    """Compare every sentence of a split with every sentence of another."""
    contained = sum(any(holds(there, text) for there in other.texts) for text in one.texts)
    return Overlap(
        sentences_of=f"{one.dataset}.{one.split}",
        found_in=f"{other.dataset}.{other.split}",
        flagged=contained > 0 and [one.split, other.split].count("train") == 1,
        exact=sum(any(text == there for there in other.texts) for text in one.texts),
        normalised=sum(any(equal(text, there) for there in other.texts) for text in one.texts),
        contained=contained,
        same_tags=sum(tagged is not None and tagged in other.tagged for tagged in one.tagged),
        holders=sum(any(holds(there, text) for text in one.texts) for there in other.texts),
    )


@settings(max_examples=200)
@given(splits())
@pytest.mark.slow
def test_pairs_equal_brute_force(own: list[SplitRows]) -> None:
    found = find_overlaps(own)
    assert found.pairs == [compared(one, other) for one in own for other in own if one is not other]
    held_out = [text for sentences in own if sentences.split != "train" for text in sentences.texts]
    assert found.leaked_sentences == {
        sentences.dataset: sum(
            any(holds(text, held) for held in held_out) for text in sentences.texts
        )
        for sentences in own
        if sentences.split == "train"
    }
    for pair in found.pairs:
        assert pair.same_tags <= pair.exact <= pair.normalised <= pair.contained


def test_by_hand() -> None:
    train = SplitRows(
        "a",
        "train",
        ["甲乙丙丁戊己庚辛壬癸", "短句", "短句", "ＡＢ", "!"],
        [b"1", b"2", b"3", b"4", None],
    )
    test = SplitRows(
        "b",
        "test",
        ["乙丙丁戊己庚辛壬", "短句", "a b", "句", "!", "！"],
        [b"5", b"2", b"4", b"6", None, b"7"],
    )
    found = find_overlaps([train, test])
    assert found.pairs == [
        Overlap(
            "a.train", "b.test", True, exact=3, normalised=4, contained=4, same_tags=2, holders=3
        ),
        # Contained: 乙…壬, 短句, a b and !; both 短句 of the training set are holders.
        Overlap(
            "b.test", "a.train", True, exact=2, normalised=3, contained=4, same_tags=2, holders=5
        ),
    ]
    assert found.leaked_sentences == {"a": 5}


def test_long_runs_within_one_another() -> None:
    runs = SplitRows("a", "train", ["哈" * n for n in range(1, 200)], [None] * 199)
    test = SplitRows("a", "test", ["哈" * 100, "哈" * 7, "哈" * 300, "哈" * 20 + "呵"], [None] * 4)
    into, out_of = find_overlaps([runs, test]).pairs
    # Runs of 8 to 199 are contained in the one of 300; the run of 7 is equal.
    assert (into.exact, into.contained, into.holders) == (2, 193, 4)
    # Runs of 100 and 7 are found; those of 100 to 199 contain the first, 7 equals the second.
    assert (out_of.exact, out_of.contained, out_of.holders) == (2, 2, 101)


def test_one_split_or_none() -> None:
    assert find_overlaps([]).pairs == []
    alone = find_overlaps([SplitRows("a", "train", ["甲", "甲"], [b"", b""])])
    assert (alone.pairs, alone.leaked_sentences) == ([], {"a": 0})
