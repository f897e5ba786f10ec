"""Nested gold spans with heads that cannot represent them.

They are refused in training, and counted by scores in evaluation.
"""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.runs.train_job import train_model
from tests.models.building import build_model
from tests.modules.examples import SPACES, vocabulary_of
from tests.tiny import single_task_config

FLAT = {"text": "我们在北京", "label": {"LOC": {"北京": [[3, 4]]}}}
FILLER = "今天去了上海看见张三和他的公司。" * 3
NESTED = {
    "text": FILLER + "北京大学在北京",
    "label": {"ORG": {"北京大学": [[48, 51]]}, "LOC": {"北京": [[48, 49], [53, 54]]}},
}


def write(path: Path, *sentences: dict[str, Any] | None) -> str:
    """Write JSON lines; None is a line of white space. Return the path."""
    lines = [
        " " if sentence is None else json.dumps(sentence, ensure_ascii=False)
        for sentence in sentences
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def config(train: str, validation: str, head: str, **overrides: Any) -> dict[str, Any]:
    base = single_task_config(
        model__head={"type": head}, trainer__num_epochs=1, evaluate_on_test=False, **overrides
    )
    del base["test_data_path"]
    reader = {"type": "multitask", "readers": {"weibo": {"type": "span_json"}}}
    return {
        **base,
        "dataset_reader": reader,
        "train_data_path": train,
        "validation_data_path": validation,
    }


@pytest.mark.parametrize("head", ["crf", "softmax", "pytorch_crf"])
@pytest.mark.parametrize("max_length", [None, 20])
def test_flat_head_refuses_nested_training_data(
    head: str, max_length: int | None, tmp_path: Path
) -> None:
    """The error names line and offsets in the file, even if the sentence is split into windows."""
    train = write(tmp_path / "train.json", FLAT, None, NESTED, NESTED)
    validation = write(tmp_path / "dev.json", FLAT)
    with pytest.raises(DataError) as error:
        train_model(
            config(train, validation, head, data_loader__max_length=max_length), tmp_path / "run"
        )

    message = str(error.value)
    assert message.startswith(f"{train}:3: ")
    assert "LOC 北京 [48, 50) and ORG 北京大学 [48, 52)" in message
    assert 'head "weibo"' in message and 'Heads that can: "biaffine", "global_pointer"' in message
    assert 'overlaps: "outermost", "innermost" or "first"' in message


@pytest.mark.parametrize("head", ["global_pointer", "biaffine"])
def test_span_heads_learn_nested_data(head: str, tmp_path: Path) -> None:
    train = write(tmp_path / "train.json", FLAT, NESTED)
    metrics = train_model(
        config(train, train, head, data_loader__leakage="allow"), tmp_path / "run"
    )
    assert metrics["training_weibo_loss"] > 0 and metrics["best_validation_weibo_loss"] > 0


def test_flat_head_is_scored_on_nested_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train, validation = write(tmp_path / "train.json", FLAT), write(tmp_path / "dev.json", NESTED)
    metrics = train_model(config(train, validation, "crf"), tmp_path / "run")
    assert metrics["best_validation_weibo_loss"] > 0
    warning = (
        'weibo: entities overlap, which head "weibo" cannot represent: the loss is computed on'
    )
    assert warning in caplog.text


def test_loss_of_validation_data_is_computed_on_the_outermost_spans(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vocab = vocabulary_of({"weibo": SPACES["weibo"]}, {"weibo": ["LOC", "ORG"]})
    model = build_model("crf_tagger", vocab).eval()
    path = write(tmp_path / "dev.json", NESTED, FLAT)
    datasets = {policy: read(model, path, policy) for policy in ("keep", "outermost")}
    for policy, dataset in datasets.items():
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            dataset.targets = model.targets(dataset, training=False)
        assert ("scores count all" in caplog.text) == (policy == "keep")

    losses = [predict_dataset(model, dataset, "weibo").loss for dataset in datasets.values()]
    assert losses[0] is not None and losses[1] is not None and losses[0].min() > 0
    assert_allclose(*losses)
    # Scores count all gold spans.
    nested = datasets["keep"]
    assert nested.gold(0) == [Span(48, 50, "LOC"), Span(48, 52, "ORG"), Span(53, 55, "LOC")]
    evaluator = Evaluator(vocab, {"weibo": nested})
    perfect = predict_dataset(model, nested, "weibo")
    assert nested.spans is not None
    perfect.spans = nested.spans
    assert evaluator.metrics({"weibo": perfect})["weibo_f1"] == 1.0


def test_targets_of_training_sentences_without_overlap(
    tmp_path: Path,
) -> None:
    vocab = vocabulary_of({"weibo": SPACES["weibo"]}, {"weibo": ["LOC", "ORG"]})
    model = build_model("crf_tagger", vocab)
    dataset = read(model, write(tmp_path / "train.json", FLAT), "keep")
    assert model.targets(dataset)["heads.weibo"]["tags"].of(0, dataset.offsets).tolist() == [
        0,
        0,
        0,
        1,
        2,
    ]


def read(model: SharingModel, path: str, policy: str) -> EncodedDataset:
    """Read a file with the given policy for overlapping entities."""
    reader = DatasetReader.from_params({"type": "span_json", "overlaps": policy})
    reader.bind("weibo")
    return EncodedDataset("weibo", reader.read(path), model.vocab, model.alphabet)
