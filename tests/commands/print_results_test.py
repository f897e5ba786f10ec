"""`allennlp print-results`."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run

FIRST = {"epoch": 1, "best_f1": 0.25, "note": 'so-so, "rerun"', "done": True}
SECOND = {"epoch": 2, "test_f1": 1e-05, "extra": None, "scores": [1, 2]}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs in folders of different depth, and files that are not metrics."""
    folder = tmp_path / "runs"
    write(folder / "b" / "metrics.json", FIRST)
    write(folder / "a" / "deep" / "metrics.json", SECOND)
    write(folder / "a" / "metrics_epoch_0.json", {"epoch": 0})
    write(folder / "c" / "config.json", {"metrics.json": 3})
    return folder


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def sentences(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines(), skipinitialspace=True))


def test_chosen_keys_as_allennlp_prints_them(run: Run, runs: Path) -> None:
    result = run("print-results", "runs", "-k", "best_f1", "epoch")
    assert result.status == 0
    assert result.out.splitlines() == [
        "model_run, best_f1, epoch",
        "runs/a/deep/metrics.json, N/A, 2",
        "runs/b/metrics.json, 0.25, 1",
    ]
    assert run("print-results", "runs", "--keys", "best_f1", "epoch").out == result.out


def test_all_keys_by_default(run: Run, runs: Path) -> None:
    header, second, first = sentences(run("print-results", runs).out)
    assert header == ["model_run", "epoch", "test_f1", "extra", "scores", "best_f1", "note", "done"]
    assert dict(zip(header, first, strict=True)) == {
        "model_run": str(runs / "b" / "metrics.json"),
        **{"epoch": "1", "best_f1": "0.25", "note": 'so-so, "rerun"', "done": "true"},
        **dict.fromkeys(["test_f1", "extra", "scores"], "N/A"),
    }
    assert second[1:] == ["2", "1e-05", "null", "[1, 2]", "N/A", "N/A", "N/A"]


def test_a_key_that_no_run_has(run: Run, runs: Path) -> None:
    assert [
        sentence[1:] for sentence in sentences(run("print-results", "runs", "-k", "f2").out)
    ] == [
        ["f2"],
        ["N/A"],
        ["N/A"],
    ]


@pytest.mark.parametrize("flag", ["-m", "--metrics-filename"])
def test_another_file(run: Run, runs: Path, flag: str) -> None:
    result = run("print-results", "runs", flag, "metrics_epoch_0.json")
    assert result.out == "model_run, epoch\nruns/a/metrics_epoch_0.json, 0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs", "-m", "no_such.json"], "no no_such.json below runs"),
        (["no_such"], "no metrics.json below no_such"),
        (["broken"], "broken/metrics.json is not valid JSON: "),
        (["list"], "list/metrics.json is not an object of metrics"),
    ],
)
def test_runs_that_cannot_be_printed(
    run: Run, runs: Path, arguments: list[str], message: str
) -> None:
    write(Path("list/metrics.json"), [1])
    Path("broken").mkdir()
    Path("broken/metrics.json").write_text("{")
    result = run("print-results", *arguments)
    assert (result.status, result.out) == (2, "") and result.err.startswith(f"error: {message}")
