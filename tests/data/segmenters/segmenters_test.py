"""Segmenters: words of characters, of jieba, and of a segmentation model."""

import copy
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.segmenters import Segmenter
from ner_adv_plugin.inference import ArchiveSegmenter, Tagger

TEXTS = ["今天天气不错，适合去北京大学", "", "a b １２", "用了9天就坏了"]


def test_characters() -> None:
    assert Segmenter.from_params("characters").words(TEXTS) == [[1] * len(t) for t in TEXTS]


def test_copies_of_a_model_share_its_segmenter() -> None:
    """That of jieba cannot be copied, and that of a model need not be."""
    pytest.importorskip("jieba")
    segmenter = Segmenter.from_params("jieba")
    segmenter.words(TEXTS)
    assert copy.deepcopy([segmenter])[0] is segmenter


def test_jieba() -> None:
    jieba = pytest.importorskip("jieba")
    found = Segmenter.from_params("jieba").words(TEXTS)
    assert found == [[len(word) for word in jieba.lcut(text)] for text in TEXTS]
    assert [sum(lengths) for lengths in found] == [len(text) for text in TEXTS]


@pytest.mark.parametrize("head", [None, "msr"])
def test_archive(head: str | None, tiny_run: Path) -> None:
    segmenter = ArchiveSegmenter(str(tiny_run), head)
    tagger = Tagger(load_archive(tiny_run, only_heads=["msr"]), "msr")
    for text, lengths in zip(TEXTS, segmenter.words(TEXTS), strict=True):
        words = tagger.predict_json({"sentence": text})["words"]
        assert lengths == [len(word) for word in words]


def test_archive_is_checked(tiny_run: Path) -> None:
    def check(**settings: Any) -> None:
        context: Any = CheckContext("model.heads.text.segmenter", "segmenter", object())
        ArchiveSegmenter.check({"head": None, **settings}, context)

    check(path=str(tiny_run))
    check(path=str(tiny_run / "model.tar.gz"))
    with pytest.raises(ConfigurationError, match='no such archive "runs/nothing"'):
        check(path="runs/nothing")
    with pytest.raises(ConfigurationError, match='no head "weibo" for words. Heads for words: msr'):
        check(path=str(tiny_run), head="weibo")
