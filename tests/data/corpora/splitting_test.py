"""Splits: nothing lost, near-duplicates together, types in proportion, seeded."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.corpora.leakage import HeldOutTexts
from ner_adv_plugin.data.corpora.splitting import near_duplicates, split
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span

SHARES = [0.8, 0.1, 0.1]


def corpus(n: int, rare: int = 3, seed: int = 0) -> list[Instance]:
    """Sentences of random characters; 1 in `rare` * 4 has the type RARE."""
    rng = random.Random(seed)
    found = []
    for i in range(n):
        text = "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(rng.randrange(9, 30)))
        spans = [Span(0, 2, "PER")] if i % 3 == 0 else []
        if i % (rare * 4) == 0:
            spans.append(Span(3, 5, "RARE"))
        found.append(Instance(text, spans))
    return found


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("甲乙Ａa！ ", min_size=1, max_size=14), min_size=4, max_size=40),
    st.integers(0, 5),
)
def test_splits_share_no_near_duplicates_and_lose_nothing(texts: list[str], seed: int) -> None:
    sentences = [Instance(text, [Span(0, 1, text[0])]) for text in texts]
    try:
        splits = split(sentences, SHARES, seed)
    except UserError:
        assert len(near_duplicates(texts)) < 3
        return
    assert sorted(np.concatenate(splits).tolist()) == list(range(len(texts)))
    assert all(len(indices) for indices in splits)
    for one in splits:
        held_out = HeldOutTexts([texts[i] for i in one])
        for other in splits:
            if other is not one:
                assert not any(held_out.find_in([texts[i] for i in other]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("甲乙aA", min_size=1, max_size=11), max_size=25))
def test_groups_are_the_components_of_containment(texts: list[str]) -> None:
    folded = [text.lower() for text in texts]

    def linked(a: str, b: str) -> bool:
        return a == b or (len(a) >= 8 and a in b) or (len(b) >= 8 and b in a)

    component = list(range(len(texts)))
    for _ in texts:
        for i, a in enumerate(folded):
            for j, b in enumerate(folded):
                if linked(a, b):
                    component[i] = component[j] = min(component[i], component[j])
    expected = {frozenset(i for i, c in enumerate(component) if c == root) for root in component}
    assert {frozenset(group) for group in near_duplicates(texts)} == expected


@pytest.mark.parametrize("seed", range(3))
def test_types_are_in_proportion(seed: int) -> None:
    sentences = corpus(1200)
    splits = split(sentences, SHARES, seed)
    assert [len(indices) for indices in splits] == pytest.approx([960, 120, 120], abs=6)
    for name, total in (("PER", 400), ("RARE", 100)):
        counts = [
            sum(span.type == name for i in indices for span in sentences[i].spans or ())
            for indices in splits
        ]
        assert counts == pytest.approx([total * share for share in SHARES], abs=2)


def test_a_type_of_three_sentences_is_in_every_split() -> None:
    sentences = corpus(60)
    for i in (1, 2, 4):
        sentences[i].spans = [Span(0, 1, "X")]
    splits = split(sentences, [0.4, 0.3, 0.3])
    owners = Counter(next(s for s, own in enumerate(splits) if i in own) for i in (1, 2, 4))
    assert owners == {0: 1, 1: 1, 2: 1}


def test_the_seed_decides() -> None:
    sentences = corpus(100)
    first = [indices.tolist() for indices in split(sentences, SHARES, 1)]
    assert first == [indices.tolist() for indices in split(sentences, SHARES, 1)]
    assert first != [indices.tolist() for indices in split(sentences, SHARES, 2)]


def test_too_few_texts() -> None:
    sentences = [Instance("你好", []), Instance("你好！", []), Instance("再见", [])]
    with pytest.raises(UserError, match="3 sentences with 2 different texts are too few for 3"):
        split(sentences, SHARES)
