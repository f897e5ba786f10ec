"""The package of docs/extending.md works as it stands there."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

COMMAND = re.compile(r"```bash\nallennlp (.*?)\n```")
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)


def test_package_of_the_guide_is_used_by_config_only(root: Path, fixture_data: Path, tmp_path: Path) -> None:
    guide = (root / "docs" / "extending.md").read_text(encoding="utf-8")
    files = FILE.findall(guide)
    assert len(files) == 7
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(arguments: str) -> str:
        command = [sys.executable, "-m", "ner_adv_plugin", *shlex.split(arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    training, components, subcommand = COMMAND.findall(guide)
    run(training)
    folder = tmp_path / "runs" / "mine"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert (folder / "epoch.txt").read_text(encoding="utf-8") == "1"
    assert {"best_validation_mine_f1", "training_state_norm"} <= metrics.keys()

    assert 'default_type (str, default "MISC")' in run(components)
    assert run(subcommand) == f"{metrics['best_epoch']}\n"
    assert "Print the best epoch of a run." in run("--include-package mine --help")
