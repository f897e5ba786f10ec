"""Configs: what passes the check also trains two steps, validates and is archived."""

import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from ner_adv_plugin.commands.plugins import import_components
from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import open_run
from ner_adv_plugin.training.trainer import Trainer
from tests.fuzz.archive import change_json
from tests.fuzz.harness import Case, expect
from tests.tiny import DATA, ROOT

VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 3, 7, -0.5, 0.0, 0.5, 1.0, 2.5, 1e-9, 1e300),
    *("", "x", "weibo", "shared", "lstm", "crf", "adam", "mean", "+weibo_f1", "-loss", "*"),
    *(
        [],
        {},
        [None],
        [[]],
        {"type": None},
        {"type": "x"},
        {"type": "crf"},
        [0, 1],
        {"weibo": None},
    ),
)
# What a check does not know: other errors after it are failures.
LATE = {
    "is not available": "needs a GPU",
    "that are not installed": "needs a package",
    "every training sentence contains": "its data are refused",
    "the encoder has": "does not fit its encoder",
    "cannot load encoder": "its encoder cannot be loaded",
    "all weights are nearly equal": "its data are refused",
    "but the datasets of this task are raw text": "its data are refused",
    "is always 0": "its corpora have no type in common",
    "matches no trainable parameter": "its model has no such parameter",
    "the window without special tokens": "does not fit its encoder",
    "the encoder's maximum": "does not fit its encoder",
    "expected a divisor of": "its towers do not fit",
    "but reads states of size": "its towers do not fit",
    "only towers with states of the same size": "its towers do not fit",
    "no trainable parameter in common": "its losses share no parameters",
}
SETTINGS = {"trainer": {"num_epochs": 1, "cuda_device": -1}}


class Config:
    """Draws changed configs, checks them, and trains two steps with those that pass."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        import_components([])
        fixtures = {"NER_DATA": str(DATA), "NER_ENCODER": str(ROOT / "fixtures" / "encoder")}
        paths = sorted((ROOT / "fixtures" / "configs").glob("*.jsonnet"))
        with mock.patch.dict(os.environ, fixtures):
            self.bases = {path.stem: load_config(str(path), json.dumps(SETTINGS)) for path in paths}

    def draw(self, chance: random.Random) -> Case:
        kind = chance.choice(list(self.bases))
        config = json.loads(json.dumps(self.bases[kind]))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            if chance.random() < 0.6:
                _nudge(config, chance)
            else:
                change_json(config, chance, VALUES)
        content = json.dumps(config, ensure_ascii=False, indent=1).encode()
        return Case(kind, {"config.json": content})

    def check(self, case: Case) -> str:
        config = json.loads(case.files["config.json"])
        try:
            job = checked_job(config)
            job.check_paths()
        except UserError as error:
            expect(bool(str(error)), "the error says nothing")
            return "refused"
        if job.distributed is not None:
            return "passed, not trained: several processes"

        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            with open_run(job, folder) as trainer:
                _shorten(trainer)
                trainer.train()
        except DataError:
            return "passed, its data are refused"
        except UserError as error:
            late = next((what for words, what in LATE.items() if words in str(error)), None)
            if late is None:
                raise
            return f"passed, {late}"
        finally:
            shutil.rmtree(folder)
        return "passed and trained"


def _nudge(config: Any, chance: random.Random) -> None:
    """Replace a scalar by another one of its type, which is more often right."""
    leaves, pending = [], [config]
    while pending:
        node = pending.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            if isinstance(node[key], dict | list):
                pending.append(node[key])
            elif key != "type" and not str(node[key]).startswith("/"):
                leaves.append((node, key))
    if leaves:
        node, key = chance.choice(leaves)
        same = [v for v in VALUES if isinstance(v, type(node[key])) and not isinstance(v, dict)]
        node[key] = chance.choice(same or VALUES)


def _shorten(trainer: Trainer) -> None:
    """Let a trainer stop after two steps."""
    plan = trainer.plan_steps
    trainer.num_epochs = min(trainer.num_epochs, 1)
    trainer.plan_steps = lambda epoch: plan(epoch)[:2]  # type: ignore[method-assign]
