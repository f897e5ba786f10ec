"""The package of docs/how-to/extend.md works as it stands there."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import ROOT

pytestmark = pytest.mark.slow

COMMAND = re.compile(r"```bash\nallennlp (.*?)\n```")
GUIDE = ROOT / "docs" / "how-to" / "extend.md"
CODE = re.compile(r"```\w+\n(?:#|//) file: (\S+)\n(.*?)```", re.DOTALL)
DATA = re.compile(r"```bash\ncat > (\S+) <<'END'\n(.*?)END\n```", re.DOTALL)


def files_of(guide: str) -> list[tuple[str, str]]:
    """Name and content of each file that the guide shows."""
    return CODE.findall(guide) + DATA.findall(guide)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the guide and two inputs."""
    folder = tmp_path_factory.mktemp("package")
    files = files_of(GUIDE.read_text(encoding="utf-8"))
    inputs = [
        ("sentences.jsonl", '{"sentence": "北京大学的王小明昨天来了"}\n'),
        ("sentences.txt", "北京大学\n"),
    ]
    for name, text in [*files, *inputs]:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder."""
    command = [sys.executable, "-m", "ner_adv_plugin", *arguments, "--include-package", "mine"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def nested(package: Path) -> Path:
    """The same with the run of a head that does not tag, beside text without labels."""
    unlabelled = {
        "dataset_reader.readers.raw": {"type": "unlabelled"},
        "train_data_path.raw": "sentences.txt",
    }
    training = call(
        package, "train", "nested.jsonnet", "-s", "nested", "-o", json.dumps(unlabelled)
    )
    assert training.returncode == 0, training.stderr
    return package


def test_a_head_that_does_not_tag_learns_nested_spans(nested: Path) -> None:
    answer = json.loads(call(nested, "predict", "nested", "sentences.jsonl").stdout)
    found = {(entity["type"], entity["text"]): entity["score"] for entity in answer["entities"]}
    assert found.keys() == {("ORG", "北京大学"), ("LOC", "北京"), ("PER", "王小明")}
    assert all(0.5 < score < 1 for score in found.values()) and "tags" not in answer

    scores = json.loads(call(nested, "evaluate", "nested", "nested.txt").stdout)
    metrics = json.loads((nested / "nested" / "metrics.json").read_text(encoding="utf-8"))
    assert scores["mine_f1"] == metrics["best_validation_mine_f1"] == 1.0


def test_an_objective_learns_its_targets(nested: Path) -> None:
    errors = [
        json.loads((nested / "nested" / f"metrics_epoch_{epoch}.json").read_text(encoding="utf-8"))
        for epoch in (0, 59)
    ]
    first, last = (epoch["training_density_error"] for epoch in errors)
    assert 0 < last < 0.2 * first


def test_a_head_for_flat_spans_names_the_line(package: Path) -> None:
    flat = json.dumps({"model.heads.mine": {"type": "smoothed"}})
    refused = call(package, "train", "nested.jsonnet", "-s", "flat", "-o", flat)
    error = refused.stderr.strip().splitlines()[-1]
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert (
        error.startswith("error: nested.txt:1: ")
        and "ORG 北京大学 [0, 4)" in error
        and "LOC 北京 [0, 2)" in error
    )
    assert 'head "mine" (SmoothedHead)' in error and '"edges"' in error


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "nested", "sentences.jsonl", "--predictor-args", '{"n_best": 2}'],
        ["select", "nested", "sentences.txt"],
    ],
)
def test_what_a_head_lacks_is_the_last_line(nested: Path, command: list[str]) -> None:
    refused = call(nested, *command)
    assert (refused.returncode, refused.stdout) == (2, "")
    error = refused.stderr.splitlines()[-1]
    assert error.startswith('error: head "mine" (EdgesHead) does not rank readings')
    assert '"crf"' in error and '"edges"' not in error


def test_package_of_the_guide_is_used_by_config_only(fixture_data: Path, tmp_path: Path) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    files = files_of(guide)
    assert len(files) == 12
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
        (
            "dataset",
            {"dataset": "nime"},
            'no dataset "nime". Did you mean "mine"? Datasets: mine, msr.',
        ),
        ("factor", {"factor": 0}, "expected more than 0, found 0"),
    ):
        overrides = json.dumps(
            {f"data_loader.sampler.{key}": value for key, value in sampler.items()}
        )
        refused = call(
            "train", "mine.jsonnet", "--dry-run", "-o", overrides, "--include-package", "mine"
        )
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == f"error: data_loader.sampler.{name}: {message}\n"

    assert 'default_type (str, default "MISC")' in run(components)
    assert run(subcommand) == f"{metrics['best_epoch']}\n"
    assert "Print the best epoch of a run." in run("--include-package mine --help")
