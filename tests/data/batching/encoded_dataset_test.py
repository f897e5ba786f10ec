import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerSentence
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.namespaces import CHARACTERS
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.data.sentences import character_alphabet, encoded, ner_reader, sentences_of


@pytest.fixture
def vocab() -> Vocabulary:
    """A head shared by two datasets of two domains, and text without labels."""
    train = {
        "a": sentences_of(("甲乙", "B-PER I-PER")),
        "b": sentences_of(("丙", "O")),
        "u": sentences_of(("丁", None)),
    }
    readers = {
        "a": ner_reader("a", head="h", domain="news"),
        "b": ner_reader("b", head="h", domain="social"),
        "u": ner_reader("u", head=None, domain="social"),
    }
    return Vocabulary.from_instances({"train": train}, readers)


def encode(vocab: Vocabulary, dataset: str, *pairs: tuple[str, str | None]) -> EncodedDataset:
    return EncodedDataset(dataset, sentences_of(*pairs), vocab, character_alphabet(vocab))


def test_sentences_are_slices_of_flat_arrays(vocab: Vocabulary) -> None:
    dataset = encode(vocab, "a", ("甲乙丙", "B-PER I-PER O"), ("", ""), ("戊甲", "O B-PER"))
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    assert len(dataset) == 3
    assert dataset.lengths.tolist() == [3, 0, 2] and dataset.offsets.tolist() == [0, 3, 3, 5]
    tokens = [dataset.token_ids_of(i).tolist() for i in range(3)]
    assert tokens == [[indices[c] for c in "甲乙丙"], [], [1, indices["甲"]]]
    assert [dataset.gold(i) for i in range(3)] == [[(0, 2, "PER")], [], [(1, 2, "PER")]]
    assert [dataset.text(i) for i in range(3)] == list(dataset.texts()) == ["甲乙丙", "", "戊甲"]
    assert dataset.weights.tolist() == [1, 1, 1] and dataset.targets == {}
    assert dataset.token_ids is not None
    assert (dataset.token_ids.dtype, dataset.offsets.dtype) == (np.int32, np.int64)


def test_head_and_domain_come_from_the_dataset(vocab: Vocabulary) -> None:
    a, b, u = (encode(vocab, name, ("甲", "O" if name != "u" else None)) for name in "abu")
    assert [(dataset.dataset, dataset.head, dataset.domain_index) for dataset in (a, b, u)] == [
        ("a", "h", 0),
        ("b", "h", 1),
        ("u", None, 1),
    ]
    assert u.spans is None and u.gold(0) == []


def test_types_that_the_head_does_not_know_follow_its_own(vocab: Vocabulary) -> None:
    """Such types count in scores but are never trained on."""
    dataset = encode(vocab, "b", ("甲乙丙", "B-LOC B-PER B-GPE"), ("丁", "B-LOC"))
    assert dataset.spans is not None
    assert dataset.spans.types == ["PER", "GPE", "LOC"]
    assert dataset.gold(0) == [(0, 1, "LOC"), (1, 2, "PER"), (2, 3, "GPE")] and dataset.gold(1) == [
        (0, 1, "LOC")
    ]
    assert vocab.label_space("h").types == ("PER",)


def test_nested_entities_are_gold(vocab: Vocabulary) -> None:
    nested = [Span(0, 3, "PER"), Span(1, 2, "PER")]
    dataset = EncodedDataset("a", [Instance("甲乙丙", nested)], vocab, character_alphabet(vocab))
    assert dataset.gold(0) == nested


def test_unlabelled_sentences_of_a_dataset_with_a_head(vocab: Vocabulary) -> None:
    dataset = encode(vocab, "a", ("甲乙", None), ("丙", None))
    assert dataset.spans is None and dataset.head is None and dataset.gold(1) == []
    assert collate([(dataset, 0)]).heads == [None]


def test_labels_may_be_set_later(vocab: Vocabulary) -> None:
    dataset = encode(vocab, "u", ("甲乙", None), ("丙", None))
    dataset.label("h", SpanTable.of([[Span(0, 1, "PER")], []], ["PER"]))
    assert dataset.gold(0) == [(0, 1, "PER")] and dataset.gold(1) == []
    assert collate([(dataset, 0)]).heads == ["h"]


def test_no_sentences(vocab: Vocabulary) -> None:
    dataset = encode(vocab, "a")
    assert dataset.token_ids is not None
    assert (
        len(dataset) == 0 and dataset.token_ids.tolist() == [] and dataset.offsets.tolist() == [0]
    )


def test_labels_in_some_sentences_only() -> None:
    sentences = [Instance("甲", [], {"line": 1}), Instance("甲乙", None, {"line": 5})]
    with pytest.raises(
        DataError, match="a:5: found 'no labels', expected labels, as in other sentences"
    ):
        encoded({"a": sentences})


@given(st.text("甲乙丙", min_size=1, max_size=12), st.data())
def test_windows_of_a_sentence(text: str, data: st.DataObject) -> None:
    """A sentence between two others is cut, and one of the resulting windows is cut again."""
    inner = data.draw(st.sets(st.integers(1, len(text))))
    borders = sorted({0, *inner, len(text)})
    cuts = list(zip(borders, borders[1:], strict=False))
    spans = [Span(start, end, "X") for start, end in cuts]
    instances = [Instance("甲"), Instance(text, spans), Instance("乙丙")]
    for instance in (instances[0], instances[2]):
        instance.spans = [Span(0, 1, "Y")]
    whole = encoded({"a": instances})["a"]
    whole.weights[:] = [1, 2, 3]
    whole.targets = {"heads.a": {"number": PerSentence(np.arange(3))}}

    windows = whole.cut({1: np.array(borders)})
    texts = ["甲", *(text[start:end] for start, end in cuts), "乙丙"]
    assert [windows.text(i) for i in range(len(windows))] == texts
    assert [windows.gold(i) for i in range(len(windows))] == [
        [(0, 1, "Y")],
        *([(0, end - start, "X")] for start, end in cuts),
        [(0, 1, "Y")],
    ]
    assert windows.weights.tolist() == [1, *[2] * len(cuts), 3]
    assert list(windows.texts()) == ["甲", text, "乙丙"]
    # Windows do not inherit the targets of whole sentences.
    assert windows.targets == {} and len(whole.targets) == 1

    again = windows.cut({len(windows) - 1: np.array([0, 1, 2])})
    assert [again.text(i) for i in range(len(again))] == [*texts[:-1], "乙", "丙"]
    assert [again.gold(len(again) - i) for i in (2, 1)] == [[(0, 1, "Y")], []]
    assert len(whole) == 3 and whole.gold(1) == spans
