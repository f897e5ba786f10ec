"""Corpora that mark different types share one head: declared, collected, scored."""

from pathlib import Path

import numpy as np
import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.reading import ConllReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator, Predictions
from tests.data.rows import character_alphabet, rows_of


def conll(path: Path, *rows: str) -> Path:
    path.write_text("\n\n".join("\n".join(row.split(";")) for row in rows) + "\n", encoding="utf-8")
    return path


def test_a_type_that_is_not_declared_is_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = conll(tmp_path / "a.txt", "甲 B-PER;乙 I-PER", "丙 B-LOC")
    with pytest.raises(DataError, match="a.txt: found 'entities of type LOC', expected types of annotated_types"):
        ConllReader(annotated_types=["PER"]).read(path)
    rows = ConllReader(annotated_types=["PER", "ORG"], type_map={"LOC": None}).read(path)
    assert [row.tags for row in rows] == [["B-PER", "I-PER"], ["O"]]
    assert 'no entity of type "ORG", which annotated_types names' in caplog.text
    with pytest.raises(ConfigurationError, match="annotated_types: found none: expected some"):
        ConllReader(annotated_types=[])


def test_the_vocabulary_keeps_what_is_marked(tmp_path: Path) -> None:
    readers = {name: ConllReader(head="h", annotated_types=types) for name, types in (("a", None), ("b", ["PER"]))}
    for name, reader in readers.items():
        reader.bind(name)
    train = {"a": rows_of(("甲乙", "B-LOC B-ORG")), "b": rows_of(("丙", "B-PER"))}
    vocab = Vocabulary.from_instances({"train": train}, readers)
    vocab.save_to_files(tmp_path)
    for own in (vocab, Vocabulary.from_files(tmp_path)):
        space = own.label_space("h")
        assert space.labels == ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
        assert space.unannotated("a") == [] and space.unannotated("b") == [1, 2, 3, 4]
        assert space.unannotated("another") == []


def test_entities_of_other_types_are_no_errors() -> None:
    readers = {name: ConllReader(head="h", annotated_types=types) for name, types in (("a", None), ("b", ["PER"]))}
    for name, reader in readers.items():
        reader.bind(name)
    gold = rows_of(("甲乙丙丁", "B-PER I-PER O O"))
    train = {"a": rows_of(("甲乙", "B-LOC B-PER")), "b": gold}
    vocab = Vocabulary.from_instances({"train": train}, readers)
    datasets = {name: EncodedRows(name, gold, vocab, character_alphabet(vocab)) for name in "ab"}
    evaluator = Evaluator(vocab, datasets)
    labels = vocab.label_space("h").labels
    predicted = np.array([labels.index(tag) for tag in ("B-PER", "I-PER", "B-LOC", "I-LOC")], dtype=np.int16)
    metrics = evaluator.metrics({name: Predictions(predicted, None) for name in "ab"})
    assert (metrics["h_a_precision"], metrics["h_b_precision"]) == (0.5, 1.0)
    # Together: three entities predicted, one of them not counted; two right.
    assert metrics["h_precision"] == pytest.approx(2 / 3) and metrics["h_recall"] == 1.0
    # A wrong entity of a marked type is one still.
    wrong = np.array([labels.index(tag) for tag in ("B-PER", "I-PER", "B-PER", "O")], dtype=np.int16)
    assert evaluator.metrics({name: Predictions(wrong, None) for name in "ab"})["h_b_precision"] == 0.5
