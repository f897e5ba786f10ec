from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.samplers import SubsampleToSmallestSampler
from tests.data.sentences import of_lengths

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=4)


def test_sentences() -> None:
    assert SubsampleToSmallestSampler().sentences_per_epoch(
        {"a": 30, "b": 12, "c": 45_000}
    ) == dict.fromkeys("abc", 12)


@given(sizes, st.integers(0, 3))
def test_sentences_repeat_only_after_a_pass_over_their_dataset(
    drawn_sizes: list[int], seed: int
) -> None:
    named = {f"d{i}": size for i, size in enumerate(drawn_sizes)}
    smallest = min(drawn_sizes)
    loader = DataLoader(sampler=SubsampleToSmallestSampler(), batch_size=3)
    loader.set_sentences(of_lengths(**{name: [1] * size for name, size in named.items()}), seed)
    drawn: Counter[tuple[str, int]] = Counter()
    for epoch in range(4):
        sentences = Counter(pair for batch in loader.plan(epoch) for pair in batch)
        assert Counter(name for name, _ in sentences.elements()) == dict.fromkeys(named, smallest)
        for name, size in named.items():
            own = {sentence: times for (of, sentence), times in sentences.items() if of == name}
            # An epoch that ends one pass and begins another may draw a sentence in both.
            assert max(own.values()) <= (1 if size % smallest == 0 else 2)
        drawn += sentences
        for name, size in named.items():
            times = [drawn[name, sentence] for sentence in range(size)]
            assert max(times) - min(times) <= 1
