"""2,000 inputs of the fuzz harness with fixed seeds; `python -m tests.fuzz` checks more."""

from pathlib import Path

import pytest

from tests.fuzz.harness import quiet, run
from tests.fuzz.properties import PROPERTIES

SEED = 20261126


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the trained model and of all inputs."""
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("corpus", 1400),
        ("predict", 300),
        ("archive", 150),
        ("config", 150),
        pytest.param("corpus", 10_000, marks=pytest.mark.slow),
        pytest.param("kill", 4, marks=pytest.mark.slow),
    ],
)
def test_random_inputs(folder: Path, tmp_path: Path, name: str, count: int) -> None:
    with quiet():
        checked = PROPERTIES[name](folder)
    report = run(name, checked, range(count), SEED, tmp_path)
    assert not report.failures, "\n".join(report.failures)
    assert sum(report.counts.values()) == count
    # Neither everything nor nothing is refused.
    assert len({outcome for _, outcome in report.counts}) > 1 or name == "kill"


def test_an_input_depends_on_seed_and_number_only(folder: Path, tmp_path: Path) -> None:
    checked = PROPERTIES["corpus"](folder)
    whole = run("corpus", checked, range(40), 3, tmp_path).counts
    parts = [
        run("corpus", checked, range(start, start + 10), 3, tmp_path).counts
        for start in (30, 0, 20, 10)
    ]
    assert whole == sum(parts[1:], parts[0])


def test_a_failure_is_kept_and_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = PROPERTIES["corpus"](folder)

    def fails(case: object) -> str:
        raise ZeroDivisionError("of this test")

    monkeypatch.setattr(checked, "check", fails)
    report = run("corpus", checked, range(5, 7), 3, tmp_path)
    assert len(report.failures) == 2
    assert "python -m tests.fuzz corpus --seed 3 --first 5 --n 1" in report.failures[0]
    assert "ZeroDivisionError" in (tmp_path / "corpus-3-5" / "error.txt").read_text()
    assert (tmp_path / "corpus-3-5" / "corpus.txt").is_file()
