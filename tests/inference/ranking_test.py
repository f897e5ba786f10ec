"""Confidence measures by hand; ranking of datasets, compared with single sentences."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.inference.ranking import RankedReadings, rank_readings


def ranked(scores: list[list[float]], probabilities: list[list[float]]) -> RankedReadings:
    return RankedReadings([], np.array(scores), np.array(probabilities), None)


def test_confidence_by_hand() -> None:
    one = -np.inf
    readings = ranked(
        [[4.0, 3.0], [2.0, -2.0], [-1.0, -3.0], [0.0, -1.0], [-5.0, one], [3.0, 3.0]],
        [[0.5, 0.3], [0.9, 0.05], [0.6, 0.1], [0.7, 0.2], [1.0, 0.0], [0.5, 0.5]],
    )
    assert readings.margin().tolist() == pytest.approx([0.2, 0.85, 0.5, 0.5, 1.0, 0.0])
    # (4 - 3) / 4; (2 + 2) / 2, clipped to 1; 0 if not positive; 1 for a single reading.
    assert readings.ratio().tolist() == pytest.approx([0.25, 1.0, 0.0, 0.0, 1.0, 0.0])


@torch.inference_mode()
def test_readings_are_in_the_order_of_the_dataset(tiny_run: Path) -> None:
    archive = load_archive(tiny_run, only_heads=["weibo"])
    model, texts = archive.model, ["在深圳", "", "第一天魏勇在深圳", "深"]
    sentences = EncodedDataset(
        "weibo", [Instance(text) for text in texts], model.vocab, model.alphabet
    )
    model.train()
    together = rank_readings(model, sentences, "weibo", 3, batch_size=2, entropy=True)
    assert model.training

    model.eval()
    assert [len(readings) for readings in together.spans] == [3, 1, 3, 3]
    predicted = predict_dataset(model, sentences, "weibo").spans
    assert [[span.span for span in readings[0]] for readings in together.spans] == list(predicted)
    assert together.entropy_R is not None
    for sentence in (0, 2, 3):
        alone = model.rank(collate([(sentences, sentence)]).unlabelled(), "weibo", 3, entropy=True)
        assert together.scores_RN[sentence] == pytest.approx(alone.scores_BN[0].numpy(), rel=1e-5)
        assert together.probabilities_RN[sentence] == pytest.approx(
            alone.probabilities_BN[0].numpy(), rel=1e-4
        )
        assert alone.entropy_B is not None
        assert together.entropy_R[sentence] == pytest.approx(alone.entropy_B.item(), rel=1e-4)
        for one, other in zip(together.spans[sentence], alone.spans[0], strict=True):
            assert [span.span for span in one] == [span.span for span in other]
            assert [span.score for span in one] == pytest.approx([s.score for s in other], abs=1e-4)
    assert together.margin()[1] == together.ratio()[1] == 1.0 and together.entropy_R[1] == 0.0
    assert rank_readings(model, sentences, "weibo", 1).entropy_R is None
