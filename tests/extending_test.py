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
    assert len(files) == 8
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ner_adv_plugin", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    def run(arguments: str) -> str:
        done = call(*shlex.split(arguments))
        assert done.returncode == 0, done.stderr
        return done.stdout

    training, components, subcommand = COMMAND.findall(guide)
    run(training)
    folder = tmp_path / "runs" / "mine"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert (folder / "epoch.txt").read_text(encoding="utf-8") == "1"
    assert {"best_validation_mine_f1", "training_state_norm"} <= metrics.keys()

    for name, sampler, message in (
        ("dataset", {"dataset": "nime"}, 'no dataset "nime". Did you mean "mine"? Datasets: mine, msr.'),
        ("factor", {"factor": 0}, "expected more than 0, found 0"),
    ):
        overrides = json.dumps({f"data_loader.sampler.{key}": value for key, value in sampler.items()})
        refused = call("train", "mine.jsonnet", "--dry-run", "-o", overrides, "--include-package", "mine")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == f"error: data_loader.sampler.{name}: {message}\n"

    assert 'default_type (str, default "MISC")' in run(components)
    assert run(subcommand) == f"{metrics['best_epoch']}\n"
    assert "Print the best epoch of a run." in run("--include-package mine --help")
