"""The command line itself: help, errors, custom packages."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.commands import COMMANDS
from ner_adv_plugin.commands.plugins import GROUP
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading import DatasetReader
from tests.commands.conftest import Result, Run
from tests.tiny import ROOT, single_task_config, write_config

HEAVY = ("torch", "tango", "transformers", "accelerate", "allennlp_light", "numpy", "_jsonnet")
PLUGIN = '''
"""A custom package."""

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
            capitals = [i for i, character in enumerate(text) if character.isupper()]
            spans = [Span(i, i + 1, "NAME") for i in capitals]
            yield self.text_to_instance(text, spans)
'''


def test_help_imports_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "ner_adv_plugin", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    modules = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "argparse" in modules and "ner_adv_plugin" in modules
    assert not {module.split(".")[0] for module in modules} & set(HEAVY)
    assert "importlib.metadata" not in modules, "it is as slow as the rest"
    for name, summary in COMMANDS.items():
        assert name in done.stdout and summary in done.stdout


@pytest.mark.parametrize("command", ["train", "find-lr", "serve", "compare"])
def test_help_of_a_command_needs_no_torch(command: str) -> None:
    script = f"import sys; from ner_adv_plugin.commands import main; main(['{command}', '--help'])"
    check = f"try:\n    {script}\nfinally:\n    assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--include-package" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.status == 0 and "--include-package" in result.out


def test_version(run: Run) -> None:
    result = run("--version")
    assert result.status == 0 and result.out.startswith("ner_adv_plugin ")


@pytest.mark.parametrize(
    "arguments", [[], ["tarin"], ["train"], ["train", "config", "--no-such-flag"]]
)
def test_a_wrong_command_line_is_status_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.status == 2 and "usage: allennlp" in result.err and "Traceback" not in result.err


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("tarin", ' Did you mean "train"?'),
        ("find_lr", ' Did you mean "find-lr"?'),
        ("xyzzy", ""),
    ],
)
def test_an_unknown_command_names_the_nearest(run: Run, wrong: str, near: str) -> None:
    result = run(wrong, "config.jsonnet")
    message = f'no command "{wrong}".{near} A custom one needs --include-package.\n'
    assert result.err.endswith(f"error: {message}")


def plugin_config(folder: Path) -> str:
    """Write a package `mine` with a reader in a module, and a config that uses the reader."""
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


def test_a_custom_package(run: Run, tmp_path: Path, forget_plugin: None) -> None:
    config = plugin_config(tmp_path)
    result = run("train", config, "-s", "run")
    assert result.status == 2 and '"shouted" is not a registered DatasetReader' in result.err
    assert "--include-package" in result.err and not Path("run").exists()
    result = run("train", config, "-s", "run", "--include-package", "mine")
    assert result.status == 0, result.err
    assert "best_validation_names_f1: " in result.out
    result = run("predict", "run", "dev.txt", "--use-dataset-reader", "--include-package", "mine")
    assert result.status == 0 and '"sentence": "other Z"' in result.out


def test_a_custom_package_in_a_plugin_file(run: Run, tmp_path: Path, forget_plugin: None) -> None:
    config = plugin_config(tmp_path)
    assert run("count-instances", config).status == 2
    Path(".allennlp_plugins").write_text("# mine\nmine\n")
    result = run("count-instances", config)
    assert result.status == 0 and "train names: 8" in result.out
    Path(".allennlp_plugins").write_text("# mine\n\nmien\n")
    result = run("count-instances", config)
    assert (result.status, result.out) == (2, "")
    missing = 'package "mien" is neither installed nor in the current folder'
    assert result.err == f"error: .allennlp_plugins:3: {missing}\n"


def test_a_command_without_components_starts_without_them(tmp_path: Path) -> None:
    """A broken plugin is an error only if the flag names it."""
    (tmp_path / "metrics.json").write_text('{"epoch": 1}')
    (tmp_path / ".allennlp_plugins").write_text("no_such_package")
    command = [sys.executable, "-X", "importtime", "-m", "ner_adv_plugin", "print-results", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "model_run, epoch\nmetrics.json, 1\n"
    imported = {
        line.rsplit("|")[-1].strip().split(".")[0]
        for line in done.stderr.splitlines()
        if "|" in line
    }
    assert "json" in imported and not imported & set(HEAVY)
    done = subprocess.run(
        [*command, "--include-package", "no_such_package"], capture_output=True, cwd=tmp_path
    )
    assert done.returncode == 2


def test_a_missing_package(run: Run) -> None:
    result = run("train", "config.json", "--include-package", "no_such_package")
    assert (result.status, result.out) == (2, "")
    missing = 'package "no_such_package" is neither installed nor in the current folder'
    assert result.err == f"error: --include-package: {missing}\n"


def test_a_package_that_cannot_be_imported_shows_a_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken_package.py").write_text("import no_such_module_of_mine\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_of_mine"):
        run("train", "config.json", "--include-package", "broken_package")


def test_debug_mode_shows_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLENNLP_DEBUG", "1")
    with pytest.raises(ConfigurationError, match="no config file at missing.jsonnet"):
        run("train", "missing.jsonnet")


HELLO = '''
import argparse

from ner_adv_plugin.commands.subcommand import Subcommand
from ner_adv_plugin.common.errors import UserError


@Subcommand.register("{name}")
class Hello(Subcommand):
    """Greet 100% of
    the people. Also those who are away."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("person")
        parser.add_argument("--version", default="1")

    def run(self, arguments: argparse.Namespace) -> None:
        if arguments.person == "nobody":
            raise UserError("nobody is here")
        print(f"hello {{arguments.person}}, {{arguments.version}}")
'''
ENTRY_POINTS = f"[{GROUP}]\nhello = mine.command\n"


class Shell:
    """Runs commands in separate processes, in a folder that may hold plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str) -> Result:
        paths = os.pathsep.join([str(ROOT), str(self.folder / "installed")])
        environment = {**os.environ, "PYTHONPATH": paths, "HOME": str(self.folder)}
        command = [sys.executable, "-m", "ner_adv_plugin", *arguments]
        settings = {"cwd": self.folder, "env": environment, "timeout": 300}
        done = subprocess.run(command, capture_output=True, encoding="utf-8", **settings)
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with a package `mine` that has a subcommand "hello"."""
    shell = Shell(tmp_path)
    shell.write("mine/__init__.py", "")
    shell.write("mine/command.py", HELLO.format(name="hello"))
    return shell


@pytest.mark.parametrize(
    "arguments",
    [
        ["hello", "Ann", "--version", "2", "--include-package", "mine"],
        ["hello", "--include-package", "mine", "--version", "2", "Ann"],
        ["--include-package", "mine", "hello", "Ann", "--version=2"],
        ["--include-package=mine.command", "hello", "--version", "2", "Ann"],
    ],
)
@pytest.mark.slow
def test_a_custom_subcommand_with_the_flag_before_or_after(
    shell: Shell, arguments: list[str]
) -> None:
    assert shell(*arguments) == Result(0, "hello Ann, 2\n", "")


@pytest.mark.slow
def test_help_of_a_custom_subcommand(shell: Shell) -> None:
    listed = shell("--help", "--include-package", "mine")
    assert (listed.status, listed.err) == (0, "")
    assert re.search(r"^    hello +Greet 100% of the people\.$", listed.out, re.MULTILINE)
    assert all(name in listed.out for name in COMMANDS)
    assert "hello" not in shell("--help").out

    result = shell("hello", "--help", "--include-package", "mine")
    assert result.status == 0 and "person" in result.out
    assert "Greet 100% of the people." in result.out


@pytest.mark.slow
def test_errors_of_a_custom_subcommand(shell: Shell) -> None:
    plugin = ("--include-package", "mine")
    assert shell("hello", "nobody", *plugin) == Result(2, "", "error: nobody is here\n")
    assert 'no command "helo". Did you mean "hello"?' in shell("helo", *plugin).err
    assert "the following arguments are required: person" in shell("hello", *plugin).err


@pytest.mark.slow
def test_a_custom_subcommand_of_a_plugin_file(shell: Shell) -> None:
    shell.write(".allennlp_plugins", "mine\n")
    assert shell("hello", "Ann") == Result(0, "hello Ann, 1\n", "")
    assert "Greet 100% of the people." in shell("--help").out


@pytest.mark.slow
def test_a_custom_subcommand_of_an_installed_distribution(shell: Shell) -> None:
    shell.write("installed/mine_dist-1.0.dist-info/METADATA", "Name: mine-dist\nVersion: 1.0\n")
    shell.write("installed/mine_dist-1.0.dist-info/entry_points.txt", ENTRY_POINTS)
    assert shell("hello", "Ann") == Result(0, "hello Ann, 1\n", "")
    assert "Greet 100% of the people." in shell("--help").out

    shell.write("mine/command.py", "1 / 0")
    cause = "ZeroDivisionError('division by zero')"
    broken = f'entry point "hello" of mine-dist: cannot import "mine.command": {cause}'
    assert shell("hello", "Ann") == Result(2, "", f"error: {broken}\n")
    assert shell("components") == Result(2, "", f"error: {broken}\n")
    listed = shell("--help")
    assert listed.status == 0 and all(name in listed.out for name in COMMANDS)
    assert listed.err == f"warning: not all commands are listed: {broken}\n"
    for arguments in (["--version"], ["train", "--help"]):
        assert (shell(*arguments).status, shell(*arguments).err) == (0, "")


@pytest.mark.parametrize("command", ["train", "components"])
@pytest.mark.slow
def test_a_custom_subcommand_with_the_name_of_a_built_in(shell: Shell, command: str) -> None:
    shell.write("mine/command.py", HELLO.format(name="find-lr"))
    built_in = "ner_adv_plugin.commands.find_lr"
    message = f'mine.command.Hello: "find-lr" is the name of the built-in subcommand {built_in}'
    result = shell(command, "lstm", "--include-package", "mine")
    assert result == Result(2, "", f"error: {message}\n")


@pytest.mark.slow
def test_a_custom_component_shows_its_docstring(shell: Shell) -> None:
    shell.write("mine/readers.py", PLUGIN)
    result = shell("components", "shouted", "--include-package", "mine")
    assert result.status == 0, result.err
    assert "DatasetReader shouted: One text a line, capitals are names.\n" in result.out
    assert '  head (str, default "names"): ' in result.out
    assert "  loud (bool, default true)\n" in result.out


@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_threads_must_be_a_positive_number(run: Run, value: str) -> None:
    result = run("recipes", f"--threads={value}")
    assert result.status == 2 and "expected a whole number of 1 or more" in result.err


def test_an_unknown_option_is_named_with_the_nearest(run: Run) -> None:
    result = run("train", "config.jsonnet", "--overides", "{}")
    assert result.status == 2
    assert "usage: allennlp train" in result.err
    assert 'unrecognized arguments: --overides {}. Did you mean "--overrides"?' in result.err
