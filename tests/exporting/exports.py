"""Models with random weights, and their exports."""

from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.archives import Archive, Readers
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.multitask import as_multitask
from ner_adv_plugin.inference import Predictor as TorchPredictor
from ner_adv_plugin.runtime import Predictor
from tests.tiny import model_and_loader, with_overrides

TEXTS = [
    "",
    "魏",
    "魏勇在深圳北京大学医院",
    "王小明和李华在北京大学学习，后来去了上海。第二天他们参观长江大桥，晚上住在武汉的朋友家里",
    "ａＢ１２ [CLS] 👨‍👩‍👧‍👦 \ud83d\u3000㎏…",
    "去深圳",
]


def archive_of(config: dict[str, Any], **overrides: Any) -> Archive:
    """Build the model of a config with random weights, as if it had been trained.

    Weights are larger than those of an untrained model, so that some spans are found.
    """
    settings = {name.replace("__", "."): value for name, value in overrides.items()}
    config = with_overrides(config, settings)
    model, _ = model_and_loader(config)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.heads.parameters():  # type: ignore[union-attr]
            parameter.normal_(std=0.7)
    reader = as_multitask(
        DatasetReader.from_params(config["dataset_reader"]), config["dataset_reader"]
    )
    return Archive(model.eval(), config, Readers(reader, reader, "a model"))


def assert_same(
    archive: Archive, folder: Path, head: str, texts: list[str], n_best: int | None
) -> None:
    """Assert that an export answers as the model does with torch."""
    settings = {"type": "tagger", "n_best": n_best}
    tagger = TorchPredictor.from_params(settings, archive=archive, head=head)
    expected = tagger.predict_batch_json([{"sentence": text} for text in texts])
    found = Predictor(folder, n_best=n_best).predict(texts)
    assert _rounded(found) == _rounded(expected)


def _rounded(value: Any) -> Any:
    """Replace scores by numbers that are equal if they are nearly so."""
    if isinstance(value, dict):
        return {key: _rounded(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_rounded(own) for own in value]
    return Nearly(value) if isinstance(value, float) else value


class Nearly:
    """A score, equal to one that differs by rounding."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nearly) and abs(self.value - other.value) < 1e-4

    def __repr__(self) -> str:
        return f"{self.value:.5f}"
