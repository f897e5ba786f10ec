"""The wheel: what it holds, and the main job of an installed package away from the project."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import made_once
from tests.tiny import ROOT

SOURCES = ("ner_adv_plugin", "training_configs", "fixtures", "studies")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


def call(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command in a folder and return its output; it does not see the project's own code."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("NER_")
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the project, without network."""

    def build(folder: Path) -> None:
        ignore = shutil.ignore_patterns("__pycache__")
        for name in SOURCES:
            shutil.copytree(ROOT / name, folder / "project" / name, ignore=ignore)
        for name in FILES:
            shutil.copy(ROOT / name, folder / "project")
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
        call([*pip, "-w", "..", "."], folder / "project")

    [file] = made_once(tmp_path_factory, "wheel", build).glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment with the wheel, and today's environment for all it needs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q"]
    call([*pip, "--no-deps", "--no-index", wheel], folder)

    variables = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", variables))
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "today.pth").write_text("\n".join(sorted(paths)))
    return folder / "bin"


def test_holds_the_package_with_recipes_and_fixtures(wheel: Path) -> None:
    def expected(folder: str, prefix: str = "") -> dict[str, bytes]:
        return {
            prefix + file.relative_to(ROOT).as_posix(): file.read_bytes()
            for file in (ROOT / folder).rglob("*")
            if file.is_file() and not {"__pycache__", "results"} & set(file.parts)
        }

    with ZipFile(wheel) as archive:
        found = {
            name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name
        }
    recipes = "ner_adv_plugin/_recipes/"
    assert "ner_adv_plugin/py.typed" in found
    assert f"{recipes}fixtures/encoder/model.safetensors" in found
    assert found == {
        **expected("ner_adv_plugin"),
        **expected("training_configs", recipes),
        **expected("fixtures", recipes),
        **expected("studies", recipes),
    }


def test_says_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode("utf-8")
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    lines = metadata.partition("\n\n")[0].splitlines()
    assert "Requires-Python: >=3.11" in lines and "License-Expression: Apache-2.0" in lines
    # `allennlp evaluate --verify` imports it.
    assert any(line.startswith("Requires-Dist: seqeval") and "extra" not in line for line in lines)
    extras = {line.split()[1] for line in lines if line.startswith("Provides-Extra: ")}
    assert extras == {
        "test",
        "completion",
        "datasets",
        "docs",
        "jieba",
        "lexicon",
        "modelscope",
        "onnx",
        "opencc",
        "runtime",
        "serve",
        "slurm",
        "spacy",
        "torchjd",
        "tune",
        "wandb",
        "all",
    }


def test_trains_the_main_job_away_from_the_project(installed: Path, tmp_path: Path) -> None:
    code = "import ner_adv_plugin; print(ner_adv_plugin.__file__)"
    file = Path(call([installed / "python", "-c", code], tmp_path).strip())
    assert file.is_relative_to(installed.parent)

    allennlp = installed / "allennlp"
    assert call([allennlp, "recipes"], tmp_path).startswith("adv ")
    assert (
        call([allennlp, "recipes", "--copy", "."], tmp_path)
        == "training_configs\nfixtures\nstudies\n"
    )
    assert not list(tmp_path.rglob("__pycache__"))

    command = [allennlp, "train", "training_configs/adv.jsonnet", "-s", "runs/adv"]
    command += ["--include-package", "ner_adv_plugin", "-o", '{"trainer.num_epochs": 1}']
    assert "test_weibo_f1: " in call(command, tmp_path)
    config = json.loads((tmp_path / "runs" / "adv" / "config.json").read_text("utf-8"))
    assert config["train_data_path"]["weibo"] == "fixtures/data/weibo/weiboNER_2nd_conll.train"
    assert (tmp_path / "runs" / "adv" / "model.tar.gz").is_file()
