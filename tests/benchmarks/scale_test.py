"""Benchmark `scale` in tiny sizes, and its synthetic sentences."""

import math
from pathlib import Path

import pytest

from benchmarks import processes, scale
from benchmarks.options import Options
from benchmarks.synthetic import write_corpus
from ner_adv_plugin.data.corpora.leakage import without_leaks
from ner_adv_plugin.data.reading import ConllReader


@pytest.mark.slow
def test_every_size_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(scale.VARIABLE, raising=False)
    report = scale.run(Options(repeats=1, tiny=True))
    for size in scale.TINY_SIZES:
        parts = [report[f"{size:,}: {part}"] for part in scale.PARTS]
        assert min(parts) > 0
        assert report[f"{size:,}: total"] == pytest.approx(sum(parts))
        assert 0 < report[f"{size:,}: peak"] < 2
        assert report[f"{size:,}: total, again"] > 0
    assert math.isfinite(report.figures[-1].value)


@pytest.mark.slow
def test_two_processes_are_compared_with_one():
    report = processes.run(Options(repeats=1, batches=2, tiny=True))
    assert all(figure.value > 0 for figure in report.figures)
    one, two = report["step on one process"], report["step on two processes"]
    assert report["speed of two processes over one"] == pytest.approx(one / two)


def test_exponent():
    small, large = (scale.Measured(size, {}, 0.0, size**1.5, 0.0, 0.0, 0.0) for size in (100, 1000))
    assert scale.exponent(small, large) == pytest.approx(1.5)


def test_sentences_are_many_different_and_reproducible(tmp_path: Path):
    for name in ("one", "two"):
        write_corpus(tmp_path / name, 2000, held_out=tmp_path / f"{name}_dev")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    table = ConllReader().read(tmp_path / "one")
    held_out = ConllReader().read(tmp_path / "one_dev")
    assert len(set(table.texts())) == len(table) == 2000 and len(held_out) == 20
    assert 25 < table.lengths.mean() < 40
    assert table.spans is not None and table.spans.types_used() == ["LOC", "ORG", "PER"]
    assert without_leaks({"train": table}, [held_out], "error")[1] == {"train": 0}
