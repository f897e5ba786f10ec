"""`allennlp errors`."""

import json
import shutil
from pathlib import Path

from tests.commands.conftest import Run
from tests.studies.synthetic import finished_study


def test_two_runs_of_train(run: Run, tiny_run: Path, tmp_path: Path) -> None:
    # The same run twice, as a folder and as an archive: no differences, the scores of its metrics.
    archive = tmp_path / "copy.tar.gz"
    shutil.copy(tiny_run / "model.tar.gz", archive)
    result = run("errors", tiny_run, archive, "--output", "errors.json", "--split", "validation")
    assert result.status == 0, result.err
    found = json.loads(Path("errors.json").read_text("utf-8"))
    metrics = json.loads((tiny_run / "metrics.json").read_text("utf-8"))
    for arm in ("a", "b"):
        scores = found["overall"][arm]
        assert abs(scores["f1"] - metrics["best_validation_weibo_f1"]) < 1e-9
        assert abs(scores["recall"] - metrics["best_validation_weibo_recall"]) < 1e-9
    assert found["only_a"] == found["only_b"] == []
    assert {"type", "seen", "similarity"} <= set(found["by"])


def test_two_runs_of_a_study(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    finished_study(folder, {"single": 0.4, "hard": 0.9}, seeds=2)
    runs = sorted((folder / "runs").iterdir())
    for path in runs:
        arm = path.name.split("-")[0]
        text = json.dumps({"target": "weibo", "arm": arm, "config": {}})
        (path / "run.json").write_text(text, encoding="utf-8")
    hard, single = runs[0], runs[2]
    result = run("errors", single, hard)
    assert result.status == 0, result.err
    assert "a: single-all-epochs-seed1\nb: hard-all-epochs-seed1\n60 sentences" in result.out
    assert "boundary: right type" in result.out and "Training data not read" in result.out
    assert "Right, found by b only" in result.out

    result = run("errors", single, hard, "--output", "errors.html")
    assert result.status == 0 and "<!DOCTYPE html>" in Path("errors.html").read_text("utf-8")


def test_what_cannot_be_compared(run: Run, tiny_run: Path, tmp_path: Path) -> None:
    result = run("errors", tiny_run, tiny_run, "--output", "errors.pdf")
    assert result.status == 2 and ".html, .md, .json" in result.err
    result = run("errors", tiny_run, tmp_path / "nothing")
    assert result.status == 2 and "no archive at" in result.err
    result = run("errors", tiny_run, tiny_run, "--dataset", "weib")
    assert result.status == 2 and 'Did you mean "weibo"?' in result.err
    result = run("errors", tiny_run, tiny_run, "--dataset", "msra")
    assert result.status == 2 and 'has no test set of "msra"' in result.err
