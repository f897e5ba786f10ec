"""An archive that a plugin's reader, callback, scheduler and objective trained needs no plugin."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import DATA, ROOT, tiny_config, write_config

pytestmark = pytest.mark.slow

PLUGIN = """
from dataclasses import dataclass

import torch

from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler
from ner_adv_plugin.data.batching.schedulers.roundrobin import RoundRobinScheduler
from ner_adv_plugin.data.reading import DatasetReader, WeiboReader
from ner_adv_plugin.modules.heads import CrfHead, Head
from ner_adv_plugin.modules.loss_weighting import LossWeighting
from ner_adv_plugin.modules.loss_weighting.fixed import FixedWeighting
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.training.callbacks.callback import TrainerCallback


@DatasetReader.register("mine")
@dataclass(kw_only=True)
class MyReader(WeiboReader):
    pass


@DatasetReader.register("shouting")
@dataclass(kw_only=True)
class Shouting(WeiboReader):
    def shown(self, text):
        return super().shown(text).upper()


@TrainerCallback.register("mine")
class MyCallback(TrainerCallback):
    pass


@MultiTaskScheduler.register("mine")
class MyScheduler(RoundRobinScheduler):
    pass


@Objective.register("mine")
class MyObjective(Objective):
    def __init__(self, vocab, dims, reads: list[str]):
        super().__init__(reads)
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, states, batch, progress):
        return self.scale.square() * 0.1, {}


@LossWeighting.register("mine")
class MyWeighting(FixedWeighting):
    pass


@Head.register("mine")
class MyHead(CrfHead):
    pass
"""


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ner_adv_plugin", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def train(folder: Path, reader: str, normalisers: list[str]) -> Path:
    """Train with a plugin in its folder; return the archive in a folder without it."""
    with_plugin = folder / "with"
    with_plugin.mkdir()
    (with_plugin / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    towers = {"observed": {"type": "lstm", "hidden_size": 4}}
    config = tiny_config(
        dataset_reader__readers__weibo={"type": reader, "normalisers": normalisers},
        model__objectives=[{"type": "mine", "reads": ["observed"]}],
        model__loss_weighting={"type": "mine"},
        model__towers=towers,
        model__heads={"msra": {"type": "mine"}},
        data_loader__scheduler={"type": "mine", "batch_size": 16},
        trainer__callbacks=[{"type": "mine"}],
        trainer__num_epochs=12,
    )
    del config["data_loader"]["batch_size"]
    path = write_config(with_plugin / "config.json", config)
    trained = call(with_plugin, "train", path, "-s", "run", "--include-package", "plugin")
    assert trained.returncode == 0, trained.stderr
    without = folder / "without"
    without.mkdir()
    shutil.copy(with_plugin / "run" / "model.tar.gz", without)
    lines = (DATA / "unlabelled" / "reviews.txt").read_text(encoding="utf-8").splitlines()[:20]
    text = "".join(json.dumps({"sentence": f"ＡＢC{line}"}) + "\n" for line in lines)
    for place in (with_plugin, without):
        (place / "in.jsonl").write_text(text, encoding="utf-8")
    return without


def predicted(folder: Path, archive: str, *flags: str) -> list[Any]:
    answer = call(folder, "predict", archive, "in.jsonl", *flags)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_a_plugin_of_training_is_not_needed_for_prediction(tmp_path: Path) -> None:
    without = train(tmp_path, "mine", ["nfkc", "lowercase"])
    expected = predicted(tmp_path / "with", "run/model.tar.gz", "--include-package", "plugin")
    assert predicted(without, "model.tar.gz") == expected
    assert any(answer["entities"] for answer in expected)
    # The normalisers of the archive count.
    plain = {"dataset_reader.readers.weibo": {"type": "weibo", "normalisers": []}}
    other = predicted(without, "model.tar.gz", "-o", json.dumps(plain))
    assert [answer["sentence"] for answer in other] == [a["sentence"] for a in expected]

    corpus = str(DATA / "weibo" / "weiboNER_2nd_conll.dev")
    for command in (
        ["evaluate", "model.tar.gz", corpus],
        ["predict", "model.tar.gz", corpus, "--use-dataset-reader"],
        ["predict", "model.tar.gz", "in.jsonl", "--multitask-head", "msra"],
    ):
        refused = call(without, *command)
        assert refused.returncode == 2 and "Traceback" not in refused.stderr
        message = refused.stderr.strip().splitlines()[-1]
        assert message.startswith("error: model.tar.gz: config.json: ")
        assert '"mine" is not a registered ' in message and "--include-package" in message
    shutil.copy(tmp_path / "with" / "plugin.py", without)
    evaluated = call(without, "evaluate", "model.tar.gz", corpus, "--include-package", "plugin")
    assert evaluated.returncode == 0


def test_a_reader_that_changes_the_text_itself_is_needed(tmp_path: Path) -> None:
    without = train(tmp_path, "shouting", [])
    refused = call(without, "predict", "model.tar.gz", "in.jsonl")
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert '"shouting" is not a registered DatasetReader' in refused.stderr
