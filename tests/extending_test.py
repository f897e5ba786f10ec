"""The package of docs/extending.md works as it stands there."""

import json
import re
import subprocess
import sys
from pathlib import Path

FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)


def test_package_of_the_guide_is_used_by_config_only(root: Path, fixture_data: Path, tmp_path: Path) -> None:
    files = FILE.findall((root / "docs" / "extending.md").read_text(encoding="utf-8"))
    assert len(files) == 7
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ner_adv_plugin", *arguments, "--include-package", "mine"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    training = run("train", "mine.jsonnet", "-s", "run")
    assert training.returncode == 0, training.stderr
    assert (tmp_path / "run" / "epoch.txt").read_text(encoding="utf-8") == "1"
    assert "best_validation_mine_f1" in (tmp_path / "run" / "metrics.json").read_text(encoding="utf-8")
    assert '"training_state_norm"' in (tmp_path / "run" / "metrics.json").read_text(encoding="utf-8")

    for name, sampler, message in (
        ("dataset", {"dataset": "nime"}, 'no dataset "nime". Did you mean "mine"? Datasets: mine, msr.'),
        ("factor", {"factor": 0}, "expected more than 0, found 0"),
    ):
        overrides = json.dumps({f"data_loader.sampler.{key}": value for key, value in sampler.items()})
        refused = run("train", "mine.jsonnet", "--dry-run", "-o", overrides)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == f"error: data_loader.sampler.{name}: {message}\n"

    keys = run("components", "bracketed")
    assert 'default_type (str, default "MISC")' in keys.stdout
