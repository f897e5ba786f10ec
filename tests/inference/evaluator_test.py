"""Scores of whole datasets, against seqeval and against one row at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ner_adv_plugin.evaluation.ner_scores import NerScorer
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2
from torch import Tensor

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.batching.loaders import evaluation_batches
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator, predict_rows
from ner_adv_plugin.models import Model

LETTERS = "abcdefgh"


class Fake(Model):
    """Tags the character of index i with label i, where there is one, and the rest with the first."""

    def __init__(self, vocab: Vocabulary) -> None:
        super().__init__(vocab)
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    @property
    def alphabet(self) -> Alphabet:
        return CharacterAlphabet({letter: i for i, letter in enumerate(LETTERS)}, 0)

    def predict(self, batch: Batch, head: str) -> tuple[Tensor, Tensor | None]:
        known = len(self.vocab.label_space(head).labels)
        tags_BL = batch.token_ids_BL.where(batch.token_ids_BL < known, 0)
        return tags_BL, None if batch.tags_BL is None else batch.lengths_B * 2.0


@pytest.fixture(scope="module")
def archive(tiny_run: Path) -> Archive:
    return load_archive(tiny_run)


def rows_of(archive: Archive, name: str, path: Path) -> EncodedRows:
    model = archive.model
    return EncodedRows(name, archive.reader.readers[name].read(path), model.vocab, model.alphabet)


@pytest.fixture
def weibo(archive: Archive, fixture_data: Path) -> EncodedRows:
    return rows_of(archive, "weibo", fixture_data / "weibo" / "weiboNER_2nd_conll.dev")


@pytest.fixture
def msr(archive: Archive, fixture_data: Path) -> EncodedRows:
    return rows_of(archive, "msr", fixture_data / "msr" / "msr_test_gold.utf8")


def labels_of_rows(rows: EncodedRows, tags: np.ndarray) -> list[list[str]]:
    flat = [rows.labels[tag] for tag in tags]
    return [flat[start:end] for start, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]


def fake_model(*heads_of_datasets: tuple[str, str]) -> Fake:
    """A model of labels O, B-X, I-X; datasets and their heads as given."""
    readers = {name: DatasetReader.from_params({"type": "conll", "head": head}) for name, head in heads_of_datasets}
    for name, reader in readers.items():
        reader.bind(name)
    train = {name: [Instance("ab", ["B-X", "I-X"], name)] for name in readers}
    return Fake(Vocabulary.from_instances({"train": train}, readers))


def test_whole_sets_in_file_order(archive: Archive, weibo: EncodedRows) -> None:
    together = predict_rows(archive.model, weibo, "weibo", batch_size=7)
    assert together.nll is not None
    assert labels_of_rows(weibo, together.tags) != [["O"] * len(row) for row in weibo.instances]
    for i, row in enumerate(weibo.instances):
        alone = EncodedRows("weibo", [row], archive.model.vocab, archive.model.alphabet)
        (batch,) = evaluation_batches(alone)
        with torch.inference_mode():
            tags_BL, nll_B = archive.model.predict(batch, "weibo")
        assert together.tags[weibo.offsets[i] : weibo.offsets[i + 1]].tolist() == tags_BL[0].tolist()
        assert nll_B is not None
        assert together.nll[i] == pytest.approx(nll_B.item() / len(row), rel=1e-4)


def test_strict_scores_are_those_of_seqeval(archive: Archive, weibo: EncodedRows) -> None:
    found = Evaluator(archive.model.vocab, {"weibo": weibo}).evaluate(archive.model)
    predicted = labels_of_rows(weibo, predict_rows(archive.model, weibo, "weibo").tags)
    gold = [row.tags for row in weibo.instances]
    for key, score in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        assert found[f"weibo_{key}"] == pytest.approx(score(gold, predicted, mode="strict", scheme=IOB2), abs=1e-12)
    assert found["weibo_f1"] > 0.2


def test_losses_are_means_over_rows_and_sums_over_heads(archive: Archive, weibo: EncodedRows, msr: EncodedRows) -> None:
    found = Evaluator(archive.model.vocab, {"weibo": weibo, "msr": msr}).evaluate(archive.model)
    for rows, head in ((weibo, "weibo"), (msr, "msr")):
        nll = predict_rows(archive.model, rows, head).nll
        assert nll is not None
        assert found[f"{head}_loss"] == pytest.approx(nll.mean())
    assert found["loss"] == pytest.approx(found["weibo_loss"] + found["msr_loss"])


def test_names_are_those_of_evaluate(archive: Archive, weibo: EncodedRows, msr: EncodedRows) -> None:
    evaluator = Evaluator(archive.model.vocab, {"weibo": weibo, "msr": msr})
    names = evaluator.metric_names()
    assert len(names) == len(set(names))
    assert set(names) == set(evaluator.evaluate(archive.model))
    assert {"msr_f1", "msr_oov_recall", "weibo_lenient_f1", "weibo_f1_PER.NAM", "loss"} <= set(names)


def test_datasets_of_one_head_are_scored_together_and_apart() -> None:
    model = fake_model(("one", "shared"), ("two", "shared"), ("other", "own"))
    texts = {"one": ["abca", "bb"], "two": ["bccb"], "other": ["ab"]}
    gold = {
        "one": [["O", "B-X", "I-X", "O"], ["B-X", "I-X"]],
        "two": [["B-X", "I-X", "I-X", "O"]],
        "other": [["O", "B-X"]],
    }
    datasets = {
        name: EncodedRows(
            name,
            [Instance(text, tags) for text, tags in zip(texts[name], gold[name], strict=True)],
            model.vocab,
            model.alphabet,
        )
        for name in texts
    }
    evaluator = Evaluator(model.vocab, datasets)
    found = evaluator.evaluate(model)
    assert set(evaluator.metric_names()) == set(found)
    # one: entities bc and b, b predicted, bc and bb gold: 1 of 3, 1 of 2. two: bcc and b predicted, bcc gold.
    assert [found[f"shared_one_{key}"] for key in ("precision", "recall")] == [1 / 3, 1 / 2]
    assert [found[f"shared_two_{key}"] for key in ("precision", "recall")] == [1 / 2, 1]
    assert [found[f"shared_{key}"] for key in ("precision", "recall")] == [2 / 5, 2 / 3]
    assert found["shared_f1"] == pytest.approx(0.5)
    assert found["own_f1"] == 1.0 and "own_other_f1" not in found


def test_gold_that_the_model_does_not_know_counts_in_recall() -> None:
    model = fake_model(("one", "one"))
    rows = [Instance("abc", ["O", "B-X", "I-X"]), Instance("aaa", ["B-NEW", "I-NEW", "O"])]
    encoded = EncodedRows("one", rows, model.vocab, model.alphabet)
    evaluator = Evaluator(model.vocab, {"one": encoded})
    found = evaluator.evaluate(model)
    assert (found["one_precision"], found["one_recall"]) == (1.0, 0.5)
    assert (found["one_f1_X"], found["one_f1_NEW"]) == (1.0, 0.0)
    assert set(evaluator.metric_names()) == set(found)
    assert found["one_loss"] == 2.0


def test_unknown_gold_of_an_archive_counts_too(archive: Archive) -> None:
    rows = [Instance("去机场吧", ["O", "B-AIRPORT", "I-AIRPORT", "O"])]
    encoded = EncodedRows("weibo", rows, archive.model.vocab, archive.model.alphabet)
    predicted = labels_of_rows(encoded, predict_rows(archive.model, encoded, "weibo").tags)
    found = Evaluator(archive.model.vocab, {"weibo": encoded}).evaluate(archive.model)
    assert found["weibo_recall"] == 0.0 and found["weibo_f1_AIRPORT"] == 0.0
    assert np.isfinite(found["weibo_loss"])
    assert not any("AIRPORT" in tag for tag in predicted[0])


def test_rows_without_gold_are_tagged_and_not_scored() -> None:
    model = fake_model(("one", "one"))
    encoded = EncodedRows("one", [Instance("abc"), Instance(""), Instance("c")], model.vocab, model.alphabet)
    predictions = predict_rows(model, encoded, "one")
    assert predictions.nll is None and predictions.tags.tolist() == [0, 1, 2, 2]
    evaluator = Evaluator(model.vocab, {"one": encoded})
    assert evaluator.by_head == {} and evaluator.evaluate(model) == {"loss": 0}


def test_no_rows_and_empty_rows() -> None:
    model = fake_model(("one", "one"))
    for rows in ([], [Instance(""), Instance("")]):
        assert len(predict_rows(model, EncodedRows("one", rows, model.vocab, model.alphabet), "one").tags) == 0


def test_score_of_given_labels_is_the_scorers(archive: Archive, weibo: EncodedRows) -> None:
    space = archive.model.vocab.label_space("weibo")
    predicted = labels_of_rows(weibo, predict_rows(archive.model, weibo, "weibo").tags)
    scorer = NerScorer(space.labels, space.scheme)
    for row, tags in zip(weibo.instances, predicted, strict=True):
        own, gold = (np.array([space.labels.index(tag) for tag in path]) for path in (tags, row.tags or []))
        scorer.update(own, gold, [len(row)])
    assert Evaluator(archive.model.vocab, {"weibo": weibo}).score(weibo, predicted) == scorer.compute()


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_in_its_mode(training: bool) -> None:
    model = fake_model(("one", "one")).train(training)
    rows = EncodedRows("one", [Instance("abc", ["O", "O", "O"])], model.vocab, model.alphabet)
    Evaluator(model.vocab, {"one": rows}).evaluate(model)
    assert model.training == training
