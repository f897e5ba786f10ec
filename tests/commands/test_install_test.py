"""`allennlp test-install`."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ner_adv_plugin.commands import test_install as command
from tests.commands.conftest import Run
from tests.tiny import ROOT


@pytest.mark.slow
def test_works_outside_of_the_project(tmp_path: Path) -> None:
    """A copy of the package trains and predicts in another folder, and leaves no files."""
    shutil.copytree(ROOT / "ner_adv_plugin", tmp_path / "site" / "ner_adv_plugin")
    for folder in ("here", "temporary"):
        (tmp_path / folder).mkdir()
    paths = {
        "PYTHONPATH": str(tmp_path / "site"),
        "TMPDIR": str(tmp_path / "temporary"),
        "HOME": str(tmp_path),
        # torch makes this folder as soon as it is imported.
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "torch"),
    }
    code = (
        "import ner_adv_plugin as p; from ner_adv_plugin.commands import main; "
        "print(p.__file__); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "test-install"],
        cwd=tmp_path / "here",
        env={**os.environ, **paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    file, *lines = done.stdout.splitlines()
    assert Path(file).is_relative_to(tmp_path / "site")
    for name in (
        "torch",
        "transformers",
        "allennlp-light",
        "ai2-tango",
        "accelerate",
        "pytorch-crf",
        "jsonnet",
    ):
        assert f"{name} {metadata.version(name)}" in lines
    assert any(line.startswith("CUDA: ") and line.endswith("; threads: 1") for line in lines)
    assert lines[-1] == "training and prediction work"
    assert not any((tmp_path / "here").iterdir()) and not any((tmp_path / "temporary").iterdir())


def test_missing_and_outdated_packages_are_reported(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = [
        "torch>=2.6",
        "no-such-package>=1.0",
        "numpy<1",
        "no-such-tool; extra == 'test'",
        "tqdm; python_version < '3'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: needed)
    monkeypatch.setattr(command, "_train_and_predict", lambda folder: pytest.fail("it went on"))
    result = run("test-install")
    assert (result.status, result.err) == (
        2,
        "error: missing or too old: no-such-package>=1.0, numpy<1\n",
    )
    assert result.out.splitlines()[1:] == [
        f"torch {metadata.version('torch')}",
        "no-such-package missing",
        f"numpy {metadata.version('numpy')}",
    ]


def test_a_package_that_was_never_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PACKAGE", "no-such-package")
    result = run("test-install")
    assert (result.status, result.out) == (2, "")
    assert (
        result.err == "error: no-such-package is not installed: run `pip install .` in its folder\n"
    )


def test_a_wrong_number_of_tags_is_reported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from ner_adv_plugin.inference.tagger import Tagger

    monkeypatch.setattr(Tagger, "predict_json", lambda predictor, inputs: {"tags": ["O"]})
    result = run("test-install")
    assert (
        result.status == 2
        and "error: expected one tag per character, found {'tags': ['O']}" in result.err
    )
