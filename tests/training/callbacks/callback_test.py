"""A custom callback, used by a config on the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import tiny_config, write_config
from tests.training.callbacks.helpers import curves

EPOCHS, STEPS, STOP = 2, 5, 8
PACKAGE = '''
import json
import os
from pathlib import Path

from ner_adv_plugin.training import TrainerCallback


@TrainerCallback.register("diary")
class Diary(TrainerCallback):
    """Record every batch."""

    def __init__(self, serialization_dir, name):
        super().__init__(serialization_dir)
        self.path = Path(serialization_dir) / name
        self.entries = []

    def on_batch(self, trainer, epoch, batch_number, is_training):
        self.entries.append([os.environ["DAY"], epoch, batch_number])
        if os.environ["DAY"] == "first" and trainer.steps_done == STOP:
            os._exit(9)

    def on_end(self, trainer, metrics=None):
        self.path.write_text(json.dumps(self.entries), encoding="utf-8")

    def state_dict(self):
        return {"entries": self.entries}

    def load_state_dict(self, state_dict):
        self.entries = list(state_dict["entries"])
'''


@pytest.mark.slow
def test_state_of_a_callback_is_restored_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(PACKAGE.replace("STOP", str(STOP)), encoding="utf-8")
    config = tiny_config(
        trainer__num_epochs=EPOCHS,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[
            {"type": "tensorboard", "summary_interval": 1},
            {"type": "diary", "name": "diary.json"},
        ],
    )
    path = write_config(tmp_path / "config.json", config)

    def train(day: str, *arguments: str) -> int:
        command = [
            sys.executable,
            "-m",
            "ner_adv_plugin",
            "train",
            path,
            "-s",
            "run",
            "--include-package",
            "own",
        ]
        environment = {**os.environ, "DAY": day}
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, timeout=300
        )
        return done.returncode

    assert train("first") == 9
    assert not (tmp_path / "run" / "diary.json").exists()
    assert train("second", "--recover") == 0
    # The last checkpoint was written after the seventh step, the second of its epoch.
    batches = [(epoch, number + 1) for epoch in range(EPOCHS) for number in range(STEPS)]
    expected = [["first" if i < STEPS + 2 else "second", *batch] for i, batch in enumerate(batches)]
    assert json.loads((tmp_path / "run" / "diary.json").read_text(encoding="utf-8")) == expected
    # Each step has exactly one point in the curves of another callback.
    assert [step for step, _ in curves(tmp_path / "run", "train")["optimized_loss"]] == list(
        range(EPOCHS * STEPS)
    )
