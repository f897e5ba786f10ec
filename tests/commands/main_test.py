"""The command line itself: help, errors, packages of one's own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.commands import COMMANDS
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading import DatasetReader
from tests.commands.conftest import Run
from tests.tiny import ROOT, single_task_config, write_config

HEAVY = ("torch", "tango", "transformers", "accelerate", "allennlp_light", "numpy", "_jsonnet")
PLUGIN = '''
"""A package of one's own."""

from collections.abc import Iterator

from ner_adv_plugin.data import DatasetReader, Instance
from ner_adv_plugin.data.labels.spans import Span


@DatasetReader.register("shouted")
class ShoutedReader(DatasetReader):
    """One text a line, capitals are names. Registered as "shouted"."""

    def __init__(self, head: str | None = "names", loud: bool = True) -> None:
        super().__init__(head=head)
        self.loud = loud

    def _read(self, file_path: str) -> Iterator[Instance]:
        for line in open(file_path, encoding="utf-8"):
            text = line.rstrip("\\n")
            spans = [Span(i, i + 1, "NAME") for i, character in enumerate(text) if character.isupper()]
            yield self.text_to_instance(text, spans)
'''


def test_help_imports_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "ner_adv_plugin", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    imported = {line.rsplit("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "argparse" in imported and "ner_adv_plugin" in imported
    assert not imported & set(HEAVY)
    for name, summary in COMMANDS.items():
        assert name in done.stdout and summary in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.status == 0 and "--include-package" in result.out


def test_version(run: Run) -> None:
    result = run("--version")
    assert result.status == 0 and result.out.startswith("ner_adv_plugin ")


@pytest.mark.parametrize("arguments", [[], ["tarin"], ["train"], ["train", "config", "--no-such-flag"]])
def test_a_wrong_command_line_is_status_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.status == 2 and "usage: allennlp" in result.err and "Traceback" not in result.err


def plugin_config(folder: Path) -> str:
    """A package `mine` with a reader in a module of it, and a config that names the reader."""
    (folder / "mine" / "readers").mkdir(parents=True)
    for package in ("mine", "mine/readers"):
        (folder / package / "__init__.py").write_text("")
    (folder / "mine" / "readers" / "shouted.py").write_text(PLUGIN, encoding="utf-8")
    texts = [f"word {letter} word{letter.lower()}\n" for letter in "ABCDEFGH"]
    (folder / "train.txt").write_text("".join(texts), encoding="utf-8")
    (folder / "dev.txt").write_text("other Z\n", encoding="utf-8")
    config = single_task_config(trainer__num_epochs=1, trainer__validation_metric="+names_f1")
    config["dataset_reader"] = {"type": "shouted", "head": "names"}
    config["train_data_path"], config["validation_data_path"] = "train.txt", "dev.txt"
    del config["test_data_path"], config["evaluate_on_test"]
    return write_config(folder / "own.json", config)


@pytest.fixture
def forget_plugin() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name == "mine" or name.startswith("mine.")]:
        del sys.modules[name]
    DatasetReader._registry[DatasetReader].pop("shouted", None)


def test_a_package_of_ones_own(run: Run, tmp_path: Path, forget_plugin: None) -> None:
    config = plugin_config(tmp_path)
    result = run("train", config, "-s", "run")
    assert result.status == 2 and '"shouted" is not a registered DatasetReader' in result.err
    assert "--include-package" in result.err and not Path("run").exists()
    result = run("train", config, "-s", "run", "--include-package", "mine")
    assert result.status == 0, result.err
    assert "best_validation_names_f1: " in result.out
    result = run("predict", "run", "dev.txt", "--use-dataset-reader", "--include-package", "mine")
    assert result.status == 0 and '"sentence": "other Z"' in result.out


def test_a_package_of_ones_own_in_a_plugin_file(run: Run, tmp_path: Path, forget_plugin: None) -> None:
    config = plugin_config(tmp_path)
    assert run("count-instances", config).status == 2
    Path(".allennlp_plugins").write_text("# mine\nmine\n")
    result = run("count-instances", config)
    assert result.status == 0 and "train names: 8" in result.out
    Path(".allennlp_plugins").write_text("# mine\n\nmien\n")
    result = run("count-instances", config)
    assert (result.status, result.out) == (2, "")
    assert result.err == 'error: .allennlp_plugins:3: no package "mien" here or installed\n'


def test_a_command_without_components_starts_without_them(tmp_path: Path) -> None:
    """A plugin that is broken does not stop it, unless asked for."""
    (tmp_path / "metrics.json").write_text('{"epoch": 1}')
    (tmp_path / ".allennlp_plugins").write_text("no_such_package")
    command = [sys.executable, "-X", "importtime", "-m", "ner_adv_plugin", "print-results", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "model_run, epoch\nmetrics.json, 1\n"
    imported = {line.rsplit("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "json" in imported and not imported & set(HEAVY)
    done = subprocess.run([*command, "--include-package", "no_such_package"], capture_output=True, cwd=tmp_path)
    assert done.returncode == 2


def test_a_package_that_is_not_there(run: Run) -> None:
    result = run("train", "config.json", "--include-package", "no_such_package")
    assert (result.status, result.out) == (2, "")
    assert result.err == 'error: --include-package: no package "no_such_package" here or installed\n'


def test_a_package_that_does_not_import_shows_where(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken_package.py").write_text("import no_such_module_of_mine\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_of_mine"):
        run("train", "config.json", "--include-package", "broken_package")


def test_errors_show_a_traceback_when_asked_to(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLENNLP_DEBUG", "1")
    with pytest.raises(ConfigurationError, match="no config file at missing.jsonnet"):
        run("train", "missing.jsonnet")
