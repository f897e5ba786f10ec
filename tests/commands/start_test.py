"""What a run imports: torch, and nothing else that takes long."""

import json
import subprocess
import sys
from pathlib import Path

from tests.tiny import ROOT

SLOW_TO_IMPORT = (
    "accelerate",
    "huggingface_hub",
    "matplotlib",
    "scipy",
    "seqeval",
    "sympy",
    "tensorboard",
    "torch._dynamo",
    "transformers",
)
OVERRIDES = {
    "trainer.num_epochs": 1,
    "trainer.callbacks": [],
    "data_loader.sampler": {"type": "proportional", "instances_per_epoch": 32},
}


def imported_by(*arguments: str) -> set[str]:
    """Return which of `SLOW_TO_IMPORT` a command imports."""
    code = (
        "import json, sys\n"
        "from ner_adv_plugin.commands import main\n"
        "main(sys.argv[1:])\n"
        f"print(json.dumps([name for name in {SLOW_TO_IMPORT} if name in sys.modules]))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return set(json.loads(process.stdout.splitlines()[-1]))


def test_training_and_prediction_with_a_bert_import_little(tmp_path: Path) -> None:
    folder, text = tmp_path / "run", tmp_path / "text.jsonl"
    text.write_text(json.dumps({"sentence": "李雷去北京"}) + "\n")

    config = "training_configs/single.jsonnet"
    overrides = json.dumps(OVERRIDES)
    assert not imported_by("train", config, "-s", str(folder), "-o", overrides)
    assert not imported_by("predict", str(folder / "model.tar.gz"), str(text), "--silent")
    assert not imported_by("train", config, "--dry-run")
