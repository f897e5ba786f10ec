import numpy as np
import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.vocabulary import CHARACTERS, Vocabulary
from tests.data.rows import character_alphabet, encoded, ner_reader, rows_of


@pytest.fixture
def vocab() -> Vocabulary:
    """A head shared by two datasets of two domains, and text without labels."""
    train = {
        "a": rows_of(("甲乙", "B-PER I-PER")),
        "b": rows_of(("丙", "O")),
        "u": rows_of(("丁", None)),
    }
    readers = {
        "a": ner_reader("a", head="h", domain="news"),
        "b": ner_reader("b", head="h", domain="social"),
        "u": ner_reader("u", head=None, domain="social"),
    }
    return Vocabulary.from_instances({"train": train}, readers)


def encode(vocab: Vocabulary, dataset: str, *pairs: tuple[str, str | None]) -> EncodedRows:
    return EncodedRows(dataset, rows_of(*pairs), vocab, character_alphabet(vocab))


def test_rows_are_slices_of_flat_arrays(vocab: Vocabulary) -> None:
    rows = encode(vocab, "a", ("甲乙丙", "B-PER I-PER O"), ("", ""), ("戊甲", "O B-PER"))
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    assert len(rows) == 3
    assert rows.lengths.tolist() == [3, 0, 2] and rows.offsets.tolist() == [0, 3, 3, 5]
    assert [rows.row_tokens(i).tolist() for i in range(3)] == [[indices[c] for c in "甲乙丙"], [], [1, indices["甲"]]]
    assert [rows.row_tags(i).tolist() for i in range(3)] == [[1, 2, 0], [], [0, 1]]
    assert rows.labels == ["O", "B-PER", "I-PER"] and rows.num_predictable == 3
    assert rows.weights.tolist() == [1, 1, 1]
    assert (rows.token_ids.dtype, rows.offsets.dtype) == (np.int32, np.int64)


def test_head_and_domain_are_those_of_the_dataset(vocab: Vocabulary) -> None:
    a, b, u = (encode(vocab, name, ("甲", "O" if name != "u" else None)) for name in "abu")
    assert [(rows.dataset, rows.head, rows.domain_index) for rows in (a, b, u)] == [
        ("a", "h", 0),
        ("b", "h", 1),
        ("u", None, 1),
    ]
    assert u.tags is None and u.labels == []


def test_labels_not_predictable_are_scored_and_never_learned(vocab: Vocabulary) -> None:
    rows = encode(vocab, "b", ("甲乙丙", "B-LOC B-PER B-GPE"), ("丁", "B-LOC"))
    assert rows.num_predictable == 3
    assert rows.labels == ["O", "B-PER", "I-PER", "B-LOC", "B-GPE"]
    assert [[rows.labels[tag] for tag in rows.row_tags(i)] for i in range(2)] == [
        ["B-LOC", "B-PER", "B-GPE"],
        ["B-LOC"],
    ]
    batch = collate([(rows, 0), (rows, 1)])
    assert batch.tags_BL is not None
    assert batch.tags_BL.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert vocab.label_space("h").labels == ("O", "B-PER", "I-PER")


def test_text_without_tags_for_a_head(vocab: Vocabulary) -> None:
    rows = encode(vocab, "a", ("甲乙", None), ("丙", None))
    assert rows.tags is None and rows.head == "h"
    assert collate([(rows, 0)]).heads == [None]


def test_no_rows(vocab: Vocabulary) -> None:
    rows = encode(vocab, "a")
    assert len(rows) == 0 and rows.token_ids.tolist() == [] and rows.offsets.tolist() == [0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([Instance("甲", ["O"]), Instance("甲乙")], "a: row 2 has 2 characters and no tags, where others have"),
        ([Instance("甲乙", ["O"])], "a: row 1 has 2 characters and 1 tags"),
        ([Instance("甲", ["O", "O"]), Instance("甲乙", ["O"])], "a: row 1 has 1 characters and 2 tags"),
    ],
)
def test_not_one_tag_a_character(rows: list[Instance], message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoded({"a": rows})
