"""Augmentations: properties of their variations, and loaders that vary what they draw."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.augmentation import Augmentation, Labelled, varied
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from tests.data.sentences import encoded
from tests.stopping import stopping_before
from tests.tiny import assert_same_weights, learnt, tiny_config

NAMES = ["mention_replacement", "token_replacement", "segment_shuffle"]
every = pytest.mark.parametrize("name", NAMES)


@st.composite
def sentences(draw: st.DrawFn) -> Labelled:
    """A sentence whose entities do not overlap."""
    text = draw(st.text("甲乙丙丁戊己", max_size=14))
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = [
        Span(start, end, draw(st.sampled_from(["LOC", "PER"])))
        for start, end in zip(borders, borders[1:], strict=False)
        if draw(st.booleans())
    ]
    return Labelled(text, spans)


corpora = st.lists(sentences(), min_size=1, max_size=5)
seeds = st.integers(0, 2**32 - 1)


def fitted(name: str, corpus: list[Labelled], **settings: Any) -> Augmentation:
    augmentation = construct(Augmentation, {"type": name, "share": 1.0, **settings})
    augmentation.fit(corpus)
    return augmentation


def mentions(sentence: Labelled) -> list[tuple[str, str]]:
    return [(span.type, sentence.text[span.start : span.end]) for span in sentence.spans]


def context(sentence: Labelled) -> list[str]:
    """The text before, between and after entities."""
    borders = [0, *(border for span in sentence.spans for border in span[:2]), len(sentence.text)]
    return [
        sentence.text[start:end] for start, end in zip(borders[::2], borders[1::2], strict=True)
    ]


def check_labels(before: Labelled, after: Labelled) -> None:
    """Same types in the same order; entities are within the text and do not overlap."""
    assert [span.type for span in after.spans] == [span.type for span in before.spans]
    borders = [0, *(border for span in after.spans for border in span[:2]), len(after.text)]
    assert borders == sorted(borders)
    assert all(span.start < span.end for span in after.spans)


@every
@given(corpus=corpora, seed=seeds)
def test_labels_stay_well_formed(name: str, corpus: list[Labelled], seed: int) -> None:
    augmentation = fitted(name, corpus, probability=0.7)
    generator = np.random.default_rng(seed)
    for before in corpus:
        after = varied(before, [augmentation], generator)
        check_labels(before, after)
        if name != "mention_replacement":
            assert after.spans == before.spans and len(after.text) == len(before.text)


@given(corpora, sentences(), seeds)
def test_mentions_are_of_the_same_type(corpus: list[Labelled], before: Labelled, seed: int) -> None:
    augmentation = fitted("mention_replacement", corpus, probability=1.0)
    after = varied(before, [augmentation], np.random.default_rng(seed))
    assert context(after) == context(before)
    known = {mention for sentence in corpus for mention in mentions(sentence)}
    types = {name for name, _ in known}
    for old, new in zip(mentions(before), mentions(after), strict=True):
        assert new in known if old[0] in types else new == old


@given(corpora, seeds)
def test_characters_have_the_same_label(corpus: list[Labelled], seed: int) -> None:
    augmentation = fitted("token_replacement", corpus, probability=1.0)

    def labelled(sentence: Labelled) -> set[tuple[str, str, bool]]:
        inside = {
            (span.type, sentence.text[i], i == span.start)
            for span in sentence.spans
            for i in range(span.start, span.end)
        }
        return inside | {
            ("O", character, False) for part in context(sentence) for character in part
        }

    known = set().union(*map(labelled, corpus))
    generator = np.random.default_rng(seed)
    for before in corpus:
        assert labelled(varied(before, [augmentation], generator)) <= known


@given(sentences(), seeds, st.booleans())
def test_segments_keep_their_characters(before: Labelled, seed: int, entities: bool) -> None:
    augmentation = fitted("segment_shuffle", [], probability=1.0, entities=entities)
    after = varied(before, [augmentation], np.random.default_rng(seed))
    assert list(map(Counter, context(after))) == list(map(Counter, context(before)))
    for (_, old), (_, new) in zip(mentions(before), mentions(after), strict=True):
        assert Counter(old) == Counter(new) and (entities or old == new)


@every
@given(corpus=corpora, seed=seeds, share=st.booleans())
def test_probability_0_changes_nothing(
    name: str, corpus: list[Labelled], seed: int, share: bool
) -> None:
    settings = {"share": 0.0, "probability": 1.0} if share else {"probability": 0.0}
    augmentation = fitted(name, corpus, **settings)
    generator = np.random.default_rng(seed)
    assert [varied(before, [augmentation], generator) for before in corpus] == corpus


def test_nested_entities_stay() -> None:
    nested = Labelled("北京大学", [Span(0, 2, "LOC"), Span(0, 4, "ORG")])
    augmentation = fitted("token_replacement", [nested], probability=1.0)
    assert varied(nested, [augmentation], np.random.default_rng(0)) == nested


def test_mentions_and_characters_by_frequency() -> None:
    corpus = [Labelled("甲", [Span(0, 1, "PER")])] * 3 + [Labelled("乙", [Span(0, 1, "PER")])]
    generator = np.random.default_rng(0)
    for name in NAMES[:2]:
        augmentation = fitted(name, corpus, probability=0.5)
        texts = Counter(varied(corpus[0], [augmentation], generator).text for _ in range(4000))
        # Kept with 1/2, else a mention of four, three of which are the same.
        assert texts["乙"] / 4000 == pytest.approx(1 / 8, abs=0.02)


TRAIN = {
    "a": [
        Instance("张三在北京", [Span(0, 2, "PER"), Span(3, 5, "LOC")]),
        Instance("李四光去上海了", [Span(0, 3, "PER"), Span(4, 6, "LOC")]),
        Instance("今天天气很好", []),
    ],
    "b": [Instance("王五在家", [Span(0, 2, "PER")])] * 2,
}


def loader_of(seed: int = 0, **settings: Any) -> DataLoader:
    loader = construct(DataLoader, {"batch_size": 2, **settings})
    loader.set_sentences(encoded(TRAIN), seed)
    return loader


def epoch_of(loader: DataLoader, epoch: int) -> list[tuple[Any, ...]]:
    """What the batches of an epoch hold."""
    return [
        (batch.datasets, batch.token_ids_BL.tolist(), batch.lengths, batch.weights_B.tolist())
        for planned in loader.plan(epoch, 3)
        for batch in loader.batches([planned])
    ]


AUGMENTED = {"a": [{"type": "mention_replacement", "share": 1.0, "probability": 1.0}]}


@pytest.mark.parametrize("scheduler", [{"batch_size": 2}, {"max_tokens": 14}])
def test_variations_depend_on_seed_epoch_and_dataset_only(scheduler: dict[str, int]) -> None:
    settings = {"scheduler": {"type": "roundrobin", **scheduler}}
    loader = loader_of(augmentation=AUGMENTED, **settings)
    numbers = loader.batches_per_epoch(3)
    epochs = [epoch_of(loader, epoch) for epoch in range(3)]
    assert [len(epoch) for epoch in epochs] == numbers
    again = loader_of(augmentation=AUGMENTED, **settings)
    assert [epoch_of(again, epoch) for epoch in range(3)] == epochs
    assert len({str(sorted(map(str, epoch))) for epoch in epochs}) > 1

    # Resumed in epoch 2: with the state at its beginning.
    started = loader_of(augmentation=AUGMENTED, **settings)
    epoch_of(started, 0), epoch_of(started, 1)
    resumed = loader_of(augmentation=AUGMENTED, **settings)
    resumed.load_state_dict(started.state_dict())
    assert epoch_of(resumed, 2) == epochs[2]


def test_without_variations_nothing_changes() -> None:
    plain = [epoch_of(loader, epoch) for loader in [loader_of()] for epoch in range(3)]
    for augmentation in ({}, {"a": []}, {"a": [{"type": "segment_shuffle", "probability": 0.0}]}):
        loader = loader_of(augmentation=augmentation)
        assert [epoch_of(loader, epoch) for epoch in range(3)] == plain


def test_only_the_named_dataset_is_varied_and_keeps_its_weights() -> None:
    loader = loader_of(augmentation=AUGMENTED)
    loader.sentences()["a"].weights = np.array([0.5, 0.25, 2.0], np.float32)
    before = {name: list(dataset.texts()) for name, dataset in loader.sentences().items()}
    seen = set()
    for epoch in range(4):
        for planned in loader.plan(epoch, 4):
            for batch in loader.batches([planned]):
                for name, weight, length in zip(
                    batch.datasets, batch.weights_B.tolist(), batch.lengths, strict=True
                ):
                    seen.add((name, weight, length))
    assert {(name, weight) for name, weight, _ in seen} == {
        ("a", 0.5), ("a", 0.25), ("a", 2.0), ("b", 1.0)
    }  # fmt: skip
    # 张三 may become 李四光, not 王五; the sentence without entities stays.
    assert {length for name, weight, length in seen if weight == 0.5} <= {5, 6}
    assert {length for name, weight, length in seen if weight == 2.0} == {6}
    assert {name: list(own.texts()) for name, own in loader.sentences().items()} == before


@pytest.mark.parametrize(
    ("augmentation", "path", "message"),
    [
        ({"webo": ["segment_shuffle"]}, "data_loader.augmentation.webo", 'Did you mean "weibo"'),
        ({"msr": ["segment_shuffle"]}, "data_loader.augmentation.msr", "this dataset has words"),
        ({"weibo": ["shuffle"]}, "data_loader.augmentation.weibo.0.type", "segment_shuffle"),
        (
            {"weibo": [{"type": "segment_shuffle", "share": 1.5}]},
            "data_loader.augmentation.weibo.0.share",
            "expected a probability from 0 to 1, found 1.5",
        ),
    ],
)
def test_settings_are_checked(augmentation: Any, path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        checked_job(tiny_config(data_loader__augmentation=augmentation))
    assert raised.value.path == path


def test_a_killed_run_resumes_exactly(tmp_path: Path) -> None:
    augmentation = {"weibo": NAMES, "msra": [{"type": "token_replacement", "share": 1.0}]}
    config = tiny_config(
        trainer__num_epochs=2,
        trainer__checkpointer={"save_every_num_batches": 2},
        data_loader__augmentation=augmentation,
    )
    whole = train_model(config, tmp_path / "whole")
    with stopping_before(8):
        train_model(config, tmp_path / "resumed")
    metrics = train_model(config, tmp_path / "resumed", recover=True)
    assert learnt(metrics) == learnt(whole)
    assert_same_weights(tmp_path / "resumed" / "best.th", tmp_path / "whole" / "best.th")

    without = tiny_config(trainer__num_epochs=2)
    assert learnt(train_model(without, tmp_path / "plain")) != learnt(whole)
