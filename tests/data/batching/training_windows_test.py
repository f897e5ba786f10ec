"""Training windows, compared with an enumeration of all possible splits."""

import logging
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.targets import PerCharacter
from ner_adv_plugin.data.batching.training_windows import training_windows, window_borders
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading import UnlabelledReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.data.sentences import character_alphabet, encoded, ner_reader, word_reader


def splits(allowed: Sequence[int], max_length: int) -> list[list[int]]:
    """Enumerate all splits at allowed borders; too long a window has no allowed border inside."""
    found = []
    for count in range(len(allowed) - 1):
        for inner in combinations(allowed[1:-1], count):
            borders = [allowed[0], *inner, allowed[-1]]
            if all(
                end - start <= max_length or not any(start < border < end for border in allowed)
                for start, end in pairwise(borders)
            ):
                found.append(borders)
    return found


def cost(borders: Sequence[int]) -> tuple[int, int]:
    """Return the number of windows and the sum of their squared lengths."""
    return len(borders) - 1, sum((end - start) ** 2 for start, end in pairwise(borders))


@given(st.lists(st.booleans(), max_size=10), st.integers(1, 12))
def test_windows_are_the_fewest_and_most_equal_of_all_splits(
    inner: list[bool], max_length: int
) -> None:
    allowed = np.array([True, *inner, True])
    borders = window_borders(allowed, max_length).tolist()
    possible = splits(np.flatnonzero(allowed).tolist(), max_length)
    assert borders in possible
    assert cost(borders) == min(map(cost, possible))


@given(st.integers(1, 5000), st.integers(1, 600))
def test_text_without_spans_is_cut_evenly(length: int, max_length: int) -> None:
    lengths = np.diff(window_borders(np.ones(length + 1, dtype=bool), max_length))
    assert len(lengths) == -(-length // max_length) and lengths.sum() == length
    assert max(lengths) <= max_length and max(lengths) - min(lengths) <= 1


@st.composite
def labelled(draw: st.DrawFn, words: bool = False, nested: bool = False) -> Instance:
    """A sentence of distinct characters with entities or words, some of them adjacent."""
    spans: list[Span] = []
    end = 0
    for length in draw(st.lists(st.integers(1, 9), max_size=8)):
        start = end if words else end + draw(st.integers(0, 3))
        end = start + length
        spans.append(Span(start, end, "" if words else draw(st.sampled_from(["PER", "LOC"]))))
    size = end if words else end + draw(st.integers(0, 3))
    if nested and size:
        starts = draw(st.lists(st.integers(0, size - 1), max_size=4))
        spans += [Span(start, draw(st.integers(start + 1, size)), "ORG") for start in starts]
    return Instance("".join(chr(0x4E00 + i) for i in range(size)), sorted(set(spans)))


def token_ids_of(sentences: EncodedDataset) -> list[list[int]]:
    """Return the character indices of each sentence."""
    return [sentences.token_ids_of(sentence).tolist() for sentence in range(len(sentences))]


@pytest.mark.parametrize("spans_are", ["flat", "nested", "words"])
@given(data=st.data(), max_length=st.integers(1, 12))
def test_no_character_or_span_is_lost_repeated_or_cut(
    spans_are: str, data: st.DataObject, max_length: int
) -> None:
    words = spans_are == "words"
    reader = word_reader("a") if words else ner_reader("a")
    drawn = data.draw(st.lists(labelled(words, spans_are == "nested"), min_size=1, max_size=4))
    sentences = encoded({"a": drawn}, {"a": reader})["a"]
    windows = training_windows(sentences, max_length)
    assert sentences.token_ids is not None and windows.token_ids is not None
    assert (
        windows.token_ids.tolist() == sentences.token_ids.tolist() == sum(token_ids_of(windows), [])
    )
    assert windows.lengths.tolist() == list(map(len, token_ids_of(windows))) and len(
        windows.weights
    ) == len(windows)

    window = 0
    for instance in drawn:
        text, spans = "", []
        # An empty sentence is one window.
        while len(text) < len(instance) or not instance.text:
            spans += [
                Span(len(text) + start, len(text) + end, name)
                for start, end, name in windows.gold(window)
            ]
            text, window = text + windows.text(window), window + 1
            if not instance.text:
                break
        assert (text, spans) == (instance.text, instance.spans)
    assert window == len(windows)


@given(data=st.data(), max_length=st.integers(1, 12))
def test_only_long_entities_form_longer_windows(data: st.DataObject, max_length: int) -> None:
    instance = data.draw(labelled())
    if not len(instance):
        return
    windows = training_windows(encoded({"a": [instance]})["a"], max_length)
    longer = {
        (start, end)
        for start, end in pairwise(windows.offsets.tolist())
        if end - start > max_length
    }
    spans = instance.spans or []
    assert longer == {
        (span.start, span.end) for span in spans if span.end - span.start > max_length
    }


@given(st.lists(labelled(), min_size=1, max_size=4), st.integers(1, 12))
def test_tags_of_windows_are_those_of_the_sentences(drawn: list[Instance], max_length: int) -> None:
    """Tag targets of windows, built as a tagging head builds them, equal those of sentences."""
    scheme = get_scheme("BIOES")
    sentences = encoded({"a": drawn})["a"]
    windows = training_windows(sentences, max_length)
    tags = [
        tag
        for i in range(len(windows))
        for tag in scheme.tags(windows.gold(i), int(windows.lengths[i]))
    ]
    assert tags == [
        tag for instance in drawn for tag in scheme.tags(instance.spans or [], len(instance))
    ]
    labels = scheme.labels(["LOC", "PER"])
    windows.targets = {
        "heads.a": {"tags": PerCharacter(np.array([labels.index(tag) for tag in tags]))}
    }
    for i in range(len(windows)):
        batch = collate([(windows, i)]).owned_by("heads.a")
        assert [labels[tag] for tag in batch.targets["tags"][0].tolist()] == scheme.tags(
            windows.gold(i), len(windows.text(i))
        )


def test_unlabelled_empty_and_short_sentences() -> None:
    sentences = encoded(
        {"u": [Instance(text) for text in ("", "甲乙丙", "甲乙丙丁戊己庚", "", "甲")]},
        {"u": ner_reader("u", None)},
    )
    sentences["u"].weights[:] = [1, 2, 3, 4, 5]
    windows = training_windows(sentences["u"], 3)
    assert windows.lengths.tolist() == [0, 3, 2, 2, 3, 0, 1] and windows.spans is None
    assert windows.weights.tolist() == [1, 2, 3, 3, 3, 4, 5]
    assert len(sentences["u"]) == 5 and sentences["u"].lengths.tolist() == [0, 3, 7, 0, 1]
    assert training_windows(sentences["u"], 7) is sentences["u"]


def test_streamed_text_is_cut_like_text_in_memory(tmp_path: Path) -> None:
    lines = ["甲乙丙丁戊己庚", "甲", "丁丙乙甲", "乙丙丁"]
    (tmp_path / "lines").write_text("\n".join(lines), encoding="utf-8")
    reader = UnlabelledReader()
    reader.bind("u")
    table = reader.read(tmp_path / "lines")
    vocab = Vocabulary.from_instances({"train": {"u": table}}, {"u": reader})
    streamed = training_windows(EncodedDataset("u", table, vocab, character_alphabet(vocab)), 3)
    held = training_windows(
        EncodedDataset("u", [Instance(line) for line in lines], vocab, character_alphabet(vocab)), 3
    )
    assert table.streamed and token_ids_of(streamed) == token_ids_of(held)
    assert held.lengths.tolist() == [2, 2, 3, 1, 2, 2, 3]


def test_cut_sentences_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    long, short, free = (
        Instance("甲乙丙丁戊己庚", [Span(1, 5, "PER")]),
        Instance("甲乙", []),
        Instance("甲" * 5, []),
    )
    sentences = encoded({"a": [long, short, free]})
    assert training_windows(sentences["a"], 3).lengths.tolist() == [1, 4, 2, 2, 2, 3]
    assert caplog.messages == [
        "a: 2 of 3 training sentences are longer than 3 characters: cut into 5 windows",
        "a: 1 windows stay longer than 3 characters (longest: 4), as an entity or a word "
        "cannot be cut",
    ]


def test_the_loader_trains_on_windows() -> None:
    sentences = encoded({"a": [Instance("甲" * 1100, []), Instance("乙", [])]})
    lengths = {}
    for max_length in (512, 400, None):
        loader = DataLoader() if max_length == 512 else DataLoader(max_length=max_length)
        loader.set_sentences(sentences, 0)
        lengths[max_length] = sorted(n for batch in loader for n in batch.lengths)
    assert lengths == {512: [1, 366, 367, 367], 400: [1, 366, 367, 367], None: [1, 1100]}
