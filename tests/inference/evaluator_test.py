"""Metrics of whole datasets, compared with seqeval and with predictions for single sentences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2
from torch import Tensor

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import evaluation_batches
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, SpanTable
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.metrics import score
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.models import Model
from tests.data.sentences import sentences_of

LETTERS = "abcdefgh"
TAGS = ["O", "B-X", "I-X"]
BIO = get_scheme("BIO")


class Fake(Model):
    """A model that tags "b" as B-X, "c" as I-X and all else as O, with scores of 0.75."""

    def __init__(self, vocab: Vocabulary) -> None:
        super().__init__(vocab)
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    @property
    def alphabet(self) -> Alphabet:
        return CharacterAlphabet({letter: i for i, letter in enumerate(LETTERS)}, 0)

    def predict(
        self, batch: Batch, head: str, scored: bool = True
    ) -> tuple[list[list[ScoredSpan]], Tensor | None]:
        found = []
        for token_ids, length in zip(batch.token_ids_BL.tolist(), batch.lengths, strict=True):
            tags = [TAGS[i] if i < len(TAGS) else "O" for i in token_ids[:length]]
            found.append([ScoredSpan(*span, 0.75) for span in BIO.spans(tags)])
        return found, None if None in batch.heads else batch.lengths_B * 2.0


@pytest.fixture(scope="module")
def archive(tiny_run: Path) -> Archive:
    return load_archive(tiny_run)


def encoded(model: Model, name: str, instances: list[Instance]) -> EncodedDataset:
    return EncodedDataset(name, instances, model.vocab, model.alphabet)


def read(archive: Archive, name: str, path: Path) -> EncodedDataset:
    model = archive.model
    dataset = EncodedDataset(
        name, archive.reader.readers[name].read(path), model.vocab, model.alphabet
    )
    dataset.targets = model.targets(dataset, training=False)
    return dataset


@pytest.fixture
def weibo(archive: Archive, fixture_data: Path) -> EncodedDataset:
    return read(archive, "weibo", fixture_data / "weibo" / "weiboNER_2nd_conll.dev")


@pytest.fixture
def msr(archive: Archive, fixture_data: Path) -> EncodedDataset:
    return read(archive, "msr", fixture_data / "msr" / "msr_test_gold.utf8")


def tags_of(dataset: EncodedDataset, spans: SpanTable) -> list[list[str]]:
    return [
        BIO.tags(own or (), length)
        for own, length in zip(spans, dataset.lengths.tolist(), strict=True)
    ]


def fake_model(*heads_of_datasets: tuple[str, str], types: list[str] | None = None) -> Fake:
    """Build a model with entity type X.

    # Parameters

    heads_of_datasets : the name of each dataset and of its head.
    types : types that every dataset marks; all if None.
    """
    marked = {} if types is None else {"annotated_types": types}
    readers = {
        name: DatasetReader.from_params({"type": "conll", "head": head, **marked})
        for name, head in heads_of_datasets
    }
    for name, reader in readers.items():
        reader.bind(name)
    train = {name: sentences_of(("ab", "B-X I-X")) for name in readers}
    return Fake(Vocabulary.from_instances({"train": train}, readers))


def test_predictions_are_in_the_order_of_the_dataset(
    archive: Archive, weibo: EncodedDataset
) -> None:
    together = predict_dataset(archive.model, weibo, "weibo", batch_size=7)
    assert together.loss is not None and together.spans.scores_S is not None
    assert len(together.spans.starts_S) > 0
    scores = np.split(together.spans.scores_S, together.spans.offsets[1:-1])
    for i, sentence in enumerate(weibo.instances):
        alone = encoded(archive.model, "weibo", [sentence])
        alone.targets = archive.model.targets(alone, training=False)
        (batch,) = evaluation_batches(alone)
        with torch.inference_mode():
            (spans,), loss_B = archive.model.predict(batch, "weibo")
        assert together.spans.spans(i) == [span.span for span in spans]
        assert scores[i] == pytest.approx([span.score for span in spans], abs=1e-4)
        assert loss_B is not None
        assert together.loss[i] == pytest.approx(loss_B.item() / len(sentence), rel=1e-4)


def test_strict_scores_equal_those_of_seqeval(archive: Archive, weibo: EncodedDataset) -> None:
    found = Evaluator(archive.model.vocab, {"weibo": weibo}).evaluate(archive.model)
    predicted = tags_of(weibo, predict_dataset(archive.model, weibo, "weibo").spans)
    gold = [BIO.tags(sentence.spans or (), len(sentence)) for sentence in weibo.instances]
    for key, seqeval in (
        ("f1", f1_score),
        ("precision", precision_score),
        ("recall", recall_score),
    ):
        assert found[f"weibo_{key}"] == pytest.approx(
            seqeval(gold, predicted, mode="strict", scheme=IOB2), abs=1e-12
        )
    assert found["weibo_f1"] > 0.15


def test_losses_are_means_over_sentences_and_sums_over_heads(
    archive: Archive, weibo: EncodedDataset, msr: EncodedDataset
) -> None:
    found = Evaluator(archive.model.vocab, {"weibo": weibo, "msr": msr}).evaluate(archive.model)
    for dataset, head in ((weibo, "weibo"), (msr, "msr")):
        loss = predict_dataset(archive.model, dataset, head).loss
        assert loss is not None
        assert found[f"{head}_loss"] == pytest.approx(loss.mean())
    assert found["loss"] == pytest.approx(found["weibo_loss"] + found["msr_loss"])


def test_metric_names_equal_the_keys_of_evaluate(
    archive: Archive, weibo: EncodedDataset, msr: EncodedDataset
) -> None:
    evaluator = Evaluator(archive.model.vocab, {"weibo": weibo, "msr": msr})
    names = evaluator.metric_names()
    assert len(names) == len(set(names))
    assert set(names) == set(evaluator.evaluate(archive.model))
    assert {"msr_f1", "msr_oov_recall", "weibo_lenient_f1", "weibo_f1_PER.NAM", "loss"} <= set(
        names
    )


def test_datasets_of_one_head_are_scored_together_and_separately() -> None:
    model = fake_model(("one", "shared"), ("two", "shared"), ("other", "own"))
    gold = {
        "one": sentences_of(("abca", "O B-X I-X O"), ("bb", "B-X I-X")),
        "two": sentences_of(("bccb", "B-X I-X I-X O")),
        "other": sentences_of(("ab", "O B-X")),
    }
    datasets = {name: encoded(model, name, instances) for name, instances in gold.items()}
    evaluator = Evaluator(model.vocab, datasets)
    found = evaluator.evaluate(model)
    assert set(evaluator.metric_names()) == set(found)
    # one: bc, b and b are predicted, bc and bb are gold: 1 of 3, 1 of 2 correct.
    # two: bcc and b are predicted, bcc is gold.
    assert [found[f"shared_one_{key}"] for key in ("precision", "recall")] == [1 / 3, 1 / 2]
    assert [found[f"shared_two_{key}"] for key in ("precision", "recall")] == [1 / 2, 1]
    assert [found[f"shared_{key}"] for key in ("precision", "recall")] == [2 / 5, 2 / 3]
    assert found["shared_f1"] == pytest.approx(0.5)
    assert found["own_f1"] == 1.0 and "own_other_f1" not in found


def test_calibration_of_a_head_is_over_all_its_datasets() -> None:
    model = fake_model(("one", "shared"), ("two", "shared"), ("other", "own"))
    gold = {
        "one": sentences_of(("abca", "O B-X I-X O"), ("bb", "B-X I-X")),
        "two": sentences_of(("bccb", "B-X I-X I-X O")),
        "other": sentences_of(("aa", "O O")),
    }
    evaluator = Evaluator(
        model.vocab, {name: encoded(model, name, instances) for name, instances in gold.items()}
    )
    found = evaluator.reliability(evaluator.predict(model, scored=True))
    # 2 of 5 entities with a score of 0.75 are correct; head "own" predicts none.
    assert (found["shared"].counts_K.sum(), found["own"].counts_K.sum()) == (5, 0)
    assert (found["shared"].ece, found["own"].ece) == (pytest.approx(0.35), 0.0)


def test_types_that_a_dataset_does_not_mark_do_not_count() -> None:
    """A predicted X is neither correct nor wrong, as the annotators did not mark this type."""
    model = fake_model(("one", "one"), types=["Y"])
    dataset = encoded(model, "one", sentences_of(("abca", "O O O B-Y")))
    evaluator = Evaluator(model.vocab, {"one": dataset})
    predictions = evaluator.predict(model, scored=True)
    assert list(predictions["one"].spans) == [[Span(1, 3, "X")]]
    found = evaluator.metrics(predictions)
    assert (found["one_precision"], found["one_recall"], found["one_f1_Y"]) == (0.0, 0.0, 0.0)
    assert evaluator.reliability(predictions)["one"].counts_K.sum() == 0


def test_all_nested_gold_entities_count(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    """A tagging head finds at most one of two nested entities and is trained on the outer one."""
    text, outer, inner = "他在北京大学", Span(2, 6, "ORG.NAM"), Span(2, 4, "GPE.NAM")
    losses = []
    for spans in ([outer, inner], [outer]):
        dataset = encoded(archive.model, "weibo", [Instance(text, spans)])
        dataset.targets = archive.model.targets(dataset, training=False)
        predictions = predict_dataset(archive.model, dataset, "weibo")
        assert predictions.loss is not None
        losses.append(predictions.loss.tolist())
        right = SpanTable.of([[outer]], archive.model.vocab.label_space("weibo").types)
        assert score(archive.model.vocab, "weibo", [dataset], [right])["recall"] == 1 / len(spans)
    assert losses[0] == losses[1]
    (record,) = [record for record in caplog.records if "overlap" in record.getMessage()]
    assert record.levelname == "WARNING" and record.getMessage().startswith(
        "weibo: entities overlap"
    )


def test_gold_of_types_unknown_to_the_model_counts_in_recall() -> None:
    model = fake_model(("one", "one"))
    dataset = encoded(model, "one", sentences_of(("abc", "O B-X I-X"), ("aaa", "B-NEW I-NEW O")))
    evaluator = Evaluator(model.vocab, {"one": dataset})
    found = evaluator.evaluate(model)
    assert (found["one_precision"], found["one_recall"]) == (1.0, 0.5)
    assert (found["one_f1_X"], found["one_f1_NEW"]) == (1.0, 0.0)
    assert set(evaluator.metric_names()) == set(found)
    assert found["one_loss"] == 2.0


def test_gold_of_types_unknown_to_an_archive_counts_in_recall(archive: Archive) -> None:
    dataset = encoded(archive.model, "weibo", sentences_of(("去机场吧", "O B-AIRPORT I-AIRPORT O")))
    dataset.targets = archive.model.targets(dataset, training=False)
    predicted = predict_dataset(archive.model, dataset, "weibo").spans
    found = Evaluator(archive.model.vocab, {"weibo": dataset}).evaluate(archive.model)
    assert found["weibo_recall"] == 0.0 and found["weibo_f1_AIRPORT"] == 0.0
    assert np.isfinite(found["weibo_loss"])
    assert "AIRPORT" not in predicted.types


def test_unlabelled_sentences_are_predicted_but_not_scored() -> None:
    model = fake_model(("one", "one"))
    dataset = encoded(model, "one", [Instance("abc"), Instance(""), Instance("c")])
    predictions = predict_dataset(model, dataset, "one")
    assert predictions.loss is None and list(predictions.spans) == [
        [Span(1, 3, "X")],
        [],
        [Span(0, 1, "X")],
    ]
    evaluator = Evaluator(model.vocab, {"one": dataset})
    assert evaluator.by_head == {} and evaluator.evaluate(model) == {"loss": 0}


def test_no_sentences_and_empty_sentences() -> None:
    model = fake_model(("one", "one"))
    for instances in ([], [Instance(""), Instance("")]):
        spans = predict_dataset(model, encoded(model, "one", instances), "one").spans
        assert list(spans) == [[] for _ in instances]


def test_scores_equal_counts_of_equal_spans(archive: Archive, weibo: EncodedDataset) -> None:
    predicted = predict_dataset(archive.model, weibo, "weibo").spans
    found = score(archive.model.vocab, "weibo", [weibo], [predicted])
    gold_set = {
        (i, span) for i, sentence in enumerate(weibo.instances) for span in sentence.spans or ()
    }
    own_set = {(i, span) for i, spans in enumerate(predicted) for span in spans or ()}
    assert found["precision"] == len(gold_set & own_set) / len(own_set)
    assert found["recall"] == len(gold_set & own_set) / len(gold_set)
    for name in archive.model.vocab.label_space("weibo").types:
        gold, own = (
            {pair for pair in pairs if pair[1].type == name} for pairs in (gold_set, own_set)
        )
        assert found[f"f1_{name}"] == pytest.approx(
            2 * len(gold & own) / max(len(gold) + len(own), 1)
        )
    assert (
        Evaluator(archive.model.vocab, {"weibo": weibo}).evaluate(archive.model)["weibo_f1"]
        == found["f1"]
    )


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_model_is_restored(training: bool) -> None:
    model = fake_model(("one", "one")).train(training)
    Evaluator(model.vocab, {"one": encoded(model, "one", sentences_of(("abc", "O O O")))}).evaluate(
        model
    )
    assert model.training == training
