"""Every benchmark runs in tiny size, and what it counts is right."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import (
    crf,
    heads,
    memory,
    methods,
    nested_pfr,
    padding,
    precision,
    prediction,
    reading,
    runtime,
    scoring,
    serve,
    step,
    tasks,
)
from benchmarks.options import Options
from benchmarks.report import Figure, Report, verdict
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import PfrReader

pytestmark = pytest.mark.slow

TINY = Options(repeats=1, batches=2, tiny=True)


@pytest.fixture(autouse=True)
def fixtures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NER_DATA", raising=False)


@pytest.mark.parametrize("module", [heads, memory, methods, precision, reading, runtime])
def test_runs(module):
    report = module.run(TINY)
    assert report.figures and all(math.isfinite(figure.value) for figure in report.figures)


def test_step_has_the_gradients_of_the_plain_port():
    report = step.run(TINY)
    assert report["step over floor"] > 0
    assert report["largest difference of gradients from the plain port's"] <= 1e-4


def test_padding_and_order():
    report = padding.run(TINY)
    # One call per batch, for the characters and two special tokens of each sentence: only attention
    # needs padding.
    assert report["encoder calls per batch"] == 1
    instances = [
        sentence
        for sentences in padding.corpus_of(padding.WEIBO, padding.MSRA).instances.values()
        for sentence in sentences
    ]
    shortest, longest = (pick(len(sentence.text) for sentence in instances) for pick in (min, max))
    assert 1 + 2 / longest <= report["positions over characters"] <= 1 + 2 / shortest
    assert report["positions over characters"] <= report["the same inside attention, in training"]


def test_order_correlation():
    plan = [[("a", 0), ("b", 9), ("a", 1)], [("b", 5), ("a", 2)], [("b", 1)]]
    assert padding.order_correlation(plan, "a") == pytest.approx(1.0)
    assert padding.order_correlation(plan, "b") == pytest.approx(-1.0)


def test_tower_sentences_do_not_grow_with_tasks():
    report = tasks.run(TINY)
    # The shared tower runs over all sentences, and one private tower over each sentence.
    for count in tasks.TASKS:
        sentences = report[f"sentences per batch, {count} tasks"]
        assert 16 < sentences <= 32
        assert report[f"tower sentences per batch, {count} tasks"] == 2 * sentences


def test_crf_is_exact():
    report = crf.run(TINY)
    assert report["sentences decoded alike"] == 1
    assert report["relative error of likelihood and gradients"] <= 1e-6


def test_scoring_equals_seqeval():
    report = scoring.run(TINY)
    assert 0 < report["strict micro F1"] < 1
    assert report["difference from seqeval's"] <= 1e-12


def test_prediction_agrees():
    report = prediction.run(TINY)
    assert report["sentences tagged alike"] == 1
    assert report["entities per sentence"] > 0 and math.isfinite(
        report["time with entity scores over time without"]
    )


def test_serving_is_measured_by_clients():
    report = serve.run(TINY)
    names = [
        f"{what}, {clients} clients, {how}"
        for how in ("batched", "one by one")
        for clients in serve.CLIENTS
        for what in ("requests per second", "p50", "p99")
    ]
    assert set(names) <= {figure.name for figure in report.figures}
    for name in names:
        assert report[name] > 0
        if name.startswith("p50"):
            assert report[name] <= report[name.replace("p50", "p99")]


def test_command_line(root: Path, tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "crf",
        "--threads",
        "1",
        "--json",
        str(tmp_path / "out.json"),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert list(found["benchmarks"]) == ["crf"]
    assert found["machine"].keys() == {
        "processor",
        "cores",
        "threads",
        "gpu",
        "torch",
        "transformers",
        "date",
    }
    assert "figures are within their limits" in done.stdout


def test_unknown_benchmark(root: Path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "stp"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "unknown benchmark stp; known: step, " in done.stderr


def test_verdict():
    low, high, free = Figure("a", 1.0, at_most=2), Figure("b", 1.0, at_least=2), Figure("c", 1.0)
    assert (low.passed, high.passed, free.passed) == (True, False, None)
    assert verdict([Report([low, high]), Report([free])]) == (1, 2)
    assert str(low).endswith("pass") and str(high).endswith("MISS")


def test_compounds_of_pfr_are_bracketed_and_read_as_nested(tmp_path: Path) -> None:
    line = "他/r  在/p  北京/ns  师范/n  大学/n  附属/vn  医院/n  工作/v"
    (tmp_path / "in.txt").write_text(f"{line}\n他/r  走/v  了/u\n", encoding="utf-8")
    nested_pfr.main(str(tmp_path / "in.txt"), str(tmp_path / "out"))
    made = (tmp_path / "out" / "train.txt").read_text(encoding="utf-8")
    assert made == "他/r  在/p  [[北京/ns  师范/n  大学/n]nt  附属/vn  医院/n]nt  工作/v\n"
    (sentence,) = PfrReader(overlaps="keep").read(tmp_path / "out" / "train.txt")
    assert sentence.spans == [Span(2, 4, "LOC"), Span(2, 8, "ORG"), Span(2, 12, "ORG")]
