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
    result = run("print-results", "runs", "-k", "f2")
    assert result.err == '--keys: no run has "f2".\n'
    assert [sentence[1:] for sentence in sentences(result.out)] == [
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


@pytest.fixture
def rounds(tmp_path: Path) -> list[str]:
    """Two experiments: a run, and ten rounds in one folder."""
    write(tmp_path / "first" / "metrics.json", {"f1": 0.5, "loss": 3.0})
    for number in range(1, 11):
        metrics = {"f1": number / 10, "loss": number}
        write(tmp_path / "second" / f"round_{number}" / "metrics.json", metrics)
    write(tmp_path / "second" / "round_3" / "metrics.json", {"loss": 2.5})
    return ["second", "first", "second/round_1"]


def names_of(result: Any) -> list[str]:
    return [row[0].removesuffix("/metrics.json") for row in sentences(result.out)[1:]]


def test_several_folders_and_nested_rounds(run: Run, rounds: list[str]) -> None:
    result = run("print-results", *rounds, "--keys", "f1")
    assert names_of(result) == ["first", *(f"second/round_{number}" for number in range(1, 11))]
    assert "second/round_3/metrics.json, N/A" in result.out.splitlines()
    result = run("print-results", *rounds, "--keys", "f1", "--default", "")
    assert "second/round_3/metrics.json, " in result.out.splitlines()


def test_one_folder_without_runs(run: Run, rounds: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("print-results", *rounds, "empty")
    assert (result.status, result.err) == (2, "error: no metrics.json below empty\n")


def test_sorted_by_a_metric(run: Run, rounds: list[str]) -> None:
    by_f1 = names_of(run("print-results", *rounds, "--sort", "f1"))
    assert by_f1[:2] == ["second/round_10", "second/round_9"] and by_f1[-1] == "second/round_3"
    # Equal values stay sorted by name.
    assert by_f1[5:7] == ["first", "second/round_5"]
    by_loss = names_of(run("print-results", *rounds, "--sort", "loss"))
    assert by_loss[:4] == ["second/round_1", "second/round_2", "second/round_3", "first"]
    result = run("print-results", *rounds, "--sort", "los")
    assert result.err == 'error: --sort: no run has "los". Did you mean "loss"?\n'


def test_formats(run: Run, runs: Path) -> None:
    lines = run("print-results", "runs", "--format", "json").out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"model_run": "runs/a/deep/metrics.json", **SECOND},
        {"model_run": "runs/b/metrics.json", **FIRST},
    ]
    result = run("print-results", "runs", "--format", "table", "-k", "epoch", "best_f1")
    assert result.out.splitlines() == [
        "model_run                 epoch  best_f1",
        "runs/a/deep/metrics.json  2      N/A",
        "runs/b/metrics.json       1      0.25",
    ]


@pytest.mark.parametrize(
    ("flags", "texts"),
    [
        ([], ["0.123456789", "2e-07", "-0.0", "NaN", "12345.678"]),
        (["--format", "table"], ["0.1235", "2e-07", "0.0", "NaN", "12345.678"]),
        (["--digits", "2"], ["0.12", "2e-07", "0.0", "NaN", "12345.68"]),
        (["--digits", "0"], ["0.1", "2e-07", "0.0", "NaN", "12346.0"]),
    ],
)
def test_rounded_numbers(run: Run, tmp_path: Path, flags: list[str], texts: list[str]) -> None:
    values = [0.123456789, 2e-7, -0.0, float("nan"), 12345.678]
    keys = "abcde"
    write(tmp_path / "runs" / "metrics.json", dict(zip(keys, values, strict=True)) | {"n": 3})
    line = run("print-results", "runs", *flags, "-k", *keys, "n").out.splitlines()[1]
    found = line.replace(",", "").split()[1:]
    assert [text.replace("-0.0", "0.0") for text in found] == [
        *(text.replace("-0.0", "0.0") for text in texts),
        "3",
    ]
    assert "--digits: expected 0 or more" in run("print-results", "runs", "--digits", "-1").err
