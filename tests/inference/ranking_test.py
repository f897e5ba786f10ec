"""Confidence by hand-worked values, ranking of whole sets against one row at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference.evaluator import predict_rows
from ner_adv_plugin.inference.ranking import RankedPaths, rank_paths

NO_TAGS = np.zeros((2, 0), dtype=np.int16)


def ranked(scores: list[list[float]], probabilities: list[list[float]]) -> RankedPaths:
    return RankedPaths(NO_TAGS, np.array(scores), np.array(probabilities), None)


def test_confidence_by_hand() -> None:
    one = -np.inf
    paths = ranked(
        [[4.0, 3.0], [2.0, -2.0], [-1.0, -3.0], [0.0, -1.0], [-5.0, one], [3.0, 3.0]],
        [[0.5, 0.3], [0.9, 0.05], [0.6, 0.1], [0.7, 0.2], [1.0, 0.0], [0.5, 0.5]],
    )
    assert paths.margin().tolist() == pytest.approx([0.2, 0.85, 0.5, 0.5, 1.0, 0.0])
    # (4 - 3) / 4; (2 + 2) / 2, cut to 1; not above 0: nothing; one path: certain.
    assert paths.ratio().tolist() == pytest.approx([0.25, 1.0, 0.0, 0.0, 1.0, 0.0])


@torch.inference_mode()
def test_whole_sets_in_file_order(tiny_run: Path) -> None:
    archive = load_archive(tiny_run, only_heads=["weibo"])
    model, texts = archive.model, ["在深圳", "", "第一天魏勇在深圳", "深"]
    rows = EncodedRows("weibo", [Instance(text) for text in texts], model.vocab, model.alphabet)
    model.train()
    paths = rank_paths(model, rows, "weibo", 3, batch_size=2, entropy=True)
    assert model.training
    model.eval()
    assert paths.tags_NC.shape == (3, 12) and paths.tags_NC.dtype == np.int16 and paths.entropy_R is not None
    assert np.array_equal(paths.tags_NC[0], predict_rows(model, rows, "weibo").tags)
    for row in (0, 2, 3):
        own = model.distribution(collate([(rows, row)]).without_tags(), "weibo")
        best = own.n_best(3)
        assert paths.scores_RN[row] == pytest.approx(best.scores_BN[0].numpy(), rel=1e-5)
        assert paths.probabilities_RN[row] == pytest.approx(best.probabilities_BN[0].numpy(), rel=1e-4)
        assert paths.entropy_R[row] == pytest.approx(own.entropy().item(), rel=1e-4)
        assert np.array_equal(paths.tags_NC[:, rows.offsets[row] : rows.offsets[row + 1]], best.tags_BNL[0].numpy())
    assert paths.margin()[1] == paths.ratio()[1] == 1.0 and paths.entropy_R[1] == 0.0
    assert rank_paths(model, rows, "weibo", 1).entropy_R is None
