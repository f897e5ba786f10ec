"""One head for corpora that annotate different types: reading, vocabulary, scores."""

from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.reading import ConllReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.predictions import Predictions
from tests.data.sentences import character_alphabet


def conll(path: Path, *sentences: str) -> Path:
    path.write_text(
        "\n\n".join("\n".join(sentence.split(";")) for sentence in sentences) + "\n",
        encoding="utf-8",
    )
    return path


def test_a_type_that_is_not_declared_is_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = conll(tmp_path / "a.txt", "甲 B-PER;乙 I-PER", "丙 B-LOC")
    with pytest.raises(
        DataError, match="a.txt: found 'entities of type LOC', expected types listed in"
    ):
        ConllReader(annotated_types=["PER"]).read(path)
    sentences = ConllReader(annotated_types=["PER", "ORG"], type_map={"LOC": None}).read(path)
    assert [sentence.spans for sentence in sentences] == [[Span(0, 2, "PER")], []]
    assert 'no entity of type "ORG", which annotated_types names' in caplog.text
    with pytest.raises(ConfigurationError, match="annotated_types: found an empty list"):
        ConllReader(annotated_types=[])


def test_the_vocabulary_keeps_annotated_types(tmp_path: Path) -> None:
    readers = {
        name: ConllReader(head="h", annotated_types=types)
        for name, types in (("a", None), ("b", ["PER"]))
    }
    for name, reader in readers.items():
        reader.bind(name)
    train = {
        "a": [Instance("甲乙", [Span(0, 1, "LOC"), Span(1, 2, "ORG")])],
        "b": [Instance("丙", [Span(0, 1, "PER")])],
    }
    vocab = Vocabulary.from_instances({"train": train}, readers)
    vocab.save_to_files(tmp_path)
    for own in (vocab, Vocabulary.from_files(tmp_path)):
        space = own.label_space("h")
        assert space.types == ("LOC", "ORG", "PER")
        assert space.unannotated("a") == [] and space.unannotated("b") == [0, 1]
        assert space.unannotated("another") == []


def test_entities_of_unannotated_types_do_not_count() -> None:
    readers = {
        name: ConllReader(head="h", annotated_types=types)
        for name, types in (("a", None), ("b", ["PER"]))
    }
    for name, reader in readers.items():
        reader.bind(name)
    gold = [Instance("甲乙丙丁", [Span(0, 2, "PER")])]
    train = {"a": [Instance("甲乙", [Span(0, 1, "LOC"), Span(1, 2, "PER")])], "b": gold}
    vocab = Vocabulary.from_instances({"train": train}, readers)
    datasets = {name: EncodedDataset(name, gold, vocab, character_alphabet(vocab)) for name in "ab"}
    evaluator = Evaluator(vocab, datasets)
    predicted = SpanTable.of([[Span(0, 2, "PER"), Span(2, 4, "LOC")]])
    metrics = evaluator.metrics({name: Predictions(predicted, None) for name in "ab"})
    assert (metrics["h_a_precision"], metrics["h_b_precision"]) == (0.5, 1.0)
    # Both datasets: three predicted entities count, two of them are correct.
    assert metrics["h_precision"] == pytest.approx(2 / 3) and metrics["h_recall"] == 1.0
    # A wrong entity of an annotated type still counts.
    wrong = SpanTable.of([[Span(0, 2, "PER"), Span(2, 3, "PER")]])
    assert (
        evaluator.metrics({name: Predictions(wrong, None) for name in "ab"})["h_b_precision"] == 0.5
    )
