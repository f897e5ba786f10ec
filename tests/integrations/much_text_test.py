"""The job of `docs/how-to/much-text.md` on a cluster, in Spark's local mode."""

import dataclasses
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from ner_adv_plugin.runtime import Predictor
from tests.pages import Folder, blocks
from tests.tiny import ROOT


@pytest.mark.slow
def test_spark_gives_the_answers_of_the_predictor(tmp_path: Path) -> None:
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs pyspark and Java")

    page = list(blocks((ROOT / "docs" / "how-to" / "much-text.md").read_text(encoding="utf-8")))
    folder = Folder(tmp_path)
    export, spark = page[0], [block for block in page if not block.is_run]
    assert [block.language for block in spark] == ["python", "bash"]
    for block in (export, *spark):
        folder.run(dataclasses.replace(block, is_run=True))

    lines = (ROOT / "fixtures/data/unlabelled/reviews.txt").read_text(encoding="utf-8").splitlines()
    answers = Predictor(tmp_path / "exported", threads=1).predict(lines)
    expected = sorted((line, found["entities"]) for line, found in zip(lines, answers, strict=True))
    found = [
        json.loads(row)
        for part in (tmp_path / "tagged_by_spark").glob("part-*")
        for row in part.read_text(encoding="utf-8").splitlines()
    ]
    tagged = sorted((row["text"], json.loads(row["entities"])) for row in found)
    assert [text for text, _ in tagged] == [text for text, _ in expected]
    for (_, mine), (_, theirs) in zip(tagged, expected, strict=True):
        spans = [(entity["start"], entity["end"], entity["type"]) for entity in mine]
        assert spans == [(entity["start"], entity["end"], entity["type"]) for entity in theirs]
