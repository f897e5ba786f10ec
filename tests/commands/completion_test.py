"""Completion on TAB: set-up that says what it did, and what lines are completed with."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.commands import COMMANDS, catalogue
from ner_adv_plugin.commands.completion.words import parser_of, read_words, write_words
from ner_adv_plugin.commands.recipes import recipe_names
from ner_adv_plugin.data.formats.conversion import ALIASES
from tests.commands.conftest import Run
from tests.tiny import ROOT

Complete = Callable[[str], list[str]]
HOME_VARIABLES = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    for variable in HOME_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELL", "/bin/bash")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def completed(line: str, folder: Path, code: str = "") -> list[str]:
    """Return the completions of a line, by a new process that may run `code` first."""
    answer = folder / "answer"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line.encode())),
        "COMP_TYPE": "9",
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    main = code + "from ner_adv_plugin.commands import main; main()"
    command = [sys.executable, "-c", main]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    return answer.read_text().splitlines()


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Complete]:
    """A function that completes a line in a folder with a run and configs."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "runs" / "adv").mkdir(parents=True)
    for name in ("model.tar.gz", "best.th", "config.json"):
        (folder / "runs" / "adv" / name).touch()
    for name in ("own.jsonnet", "data.txt"):
        (folder / name).touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        write_words()
        yield lambda line: completed(line, folder)


def test_subcommands_and_flags(complete: Complete) -> None:
    assert set(COMMANDS) <= set(complete("allennlp "))
    assert complete("allennlp tr") == ["train"]
    flags = complete("allennlp train --")
    assert {"--serialization-dir", "--recover", "--overrides", "--include-package"} <= set(flags)
    assert complete("allennlp predict a b --on-error ") == ["stop", "skip"]
    assert set(complete("allennlp --install-completion ")) >= {"bash", "zsh", "fish"}


def test_names_of_components_formats_and_recipes(complete: Complete) -> None:
    names = {name for base in catalogue.bases().values() for name in catalogue.components(base)}
    assert set(complete("allennlp components ")) >= names
    assert complete("allennlp components roundr") == ["roundrobin"]
    assert complete("allennlp predict a b --predictor ") == ["ensemble", "tagger"]
    formats = complete("allennlp convert a b --to ")
    assert "doccano" in formats and set(ALIASES) <= set(formats)
    found = set(complete("allennlp recipes "))
    assert set(recipe_names()) <= found and "real/weibo_lexicon" in found


def test_archives_configs_and_folders(complete: Complete) -> None:
    assert complete("allennlp predict r") == ["runs/"]
    assert complete("allennlp predict runs/adv/") == ["runs/adv/model.tar.gz"]
    assert complete("allennlp evaluate runs/adv/m") == ["runs/adv/model.tar.gz"]
    assert complete("allennlp explain runs/") == ["runs/adv/"]
    assert complete("allennlp train o") == ["own.jsonnet"]
    assert "data.txt" in complete("allennlp predict runs/adv d")


def test_flags_are_those_of_the_commands(complete: Complete) -> None:
    """What is rebuilt from the file parses what the commands parse."""
    subparsers = next(one for one in parser_of(read_words())._actions if one.dest == "command")
    assert subparsers.choices is not None
    for name in COMMANDS:
        rebuilt = subparsers.choices[name]  # type: ignore[index]
        flags = {flag for action in rebuilt._actions for flag in action.option_strings}
        assert {"--help", "--include-package", "--threads"} <= flags


def test_completion_is_quick_and_imports_nothing_heavy(complete: Complete, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    code = (
        "import atexit, os, sys\n"
        "leave = os._exit\n"
        "def note(status):\n"
        f"    open({str(watched)!r}, 'w').write(' '.join(sys.modules)); leave(status)\n"
        "os._exit = note\n"
    )
    started = time.monotonic()
    assert completed("allennlp components crf_", tmp_path, code) == ["crf_tagger"]
    seconds = time.monotonic() - started
    modules = {name.partition(".")[0] for name in watched.read_text().split()}
    assert "argcomplete" in modules
    assert not modules & {"torch", "numpy", "tango", "transformers", "_jsonnet"}
    # A tenth of a second on an idle core; importing torch alone takes longer than this.
    assert seconds < 1.5


def test_without_the_file_of_words_commands_are_completed(tmp_path: Path, home: Path) -> None:
    assert set(COMMANDS) <= set(completed("allennlp ", tmp_path))
    assert complete_names(tmp_path) == []
    cache = home / ".cache" / "ner_adv_plugin" / "completion.json"
    cache.parent.mkdir(parents=True)
    cache.write_text("[1, ")
    assert completed("allennlp expl", tmp_path) == ["explain"]


def complete_names(folder: Path) -> list[str]:
    return completed("allennlp components crf_", folder)


def test_setting_up_says_what_it_did_and_changes_nothing_again(run: Run, home: Path) -> None:
    (home / ".bashrc").write_text("alias l=ls")
    first = run("--install-completion")
    assert first.status == 0, first.err
    script, start_file = home / ".local/share/ner_adv_plugin/completion.bash", home / ".bashrc"
    cache = home / ".cache/ner_adv_plugin/completion.json"
    lines = first.out.splitlines()
    assert lines[0] == f"{script}: written"
    assert lines[1] == f"{start_file}: added the line that loads it"
    assert lines[2].startswith(f"{cache}: {len(COMMANDS)} commands, ")

    before = {path: path.read_bytes() for path in (script, start_file, cache)}
    again = run("--install-completion", "bash")
    assert again.out.splitlines()[:2] == [
        f"{script}: up to date",
        f"{start_file}: has the line that loads it",
    ]
    assert {path: path.read_bytes() for path in before} == before
    assert start_file.read_text().startswith("alias l=ls\nif [ -f ")


def test_other_shells_and_a_missing_package_are_refused(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = '"tcsh" is not a shell with completion, which are bash, zsh, fish'
    assert message in run("--install-completion", "tcsh").err
    monkeypatch.delenv("SHELL")
    assert run("--install-completion").status == 2
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    result = run("--install-completion=fish")
    install = '--install-completion needs a package that is not installed: pip install "ner_adv'
    assert result.status == 2 and install in result.err
    assert list(home.iterdir()) == []


# What a shell prints after a TAB.
IN_SHELLS = {
    "bash": (
        "source {script}; COMP_LINE='allennlp eva'; COMP_POINT=12;"
        " _python_argcomplete allennlp; echo ${{COMPREPLY[@]}}"
    ),
    "zsh": (
        "autoload -Uz compinit; compinit -u; source {script};"
        " _describe() {{ print -l $completions }}; BUFFER='allennlp eva'; CURSOR=12;"
        " words=(allennlp eva); _python_argcomplete allennlp"
    ),
    "fish": "source {script}; complete -C 'allennlp eva'",
}


@pytest.mark.parametrize("shell", IN_SHELLS)
def test_the_script_works_in_the_shell(shell: str, run: Run, home: Path, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = Path(run("--install-completion", shell).out.partition(":")[0])
    program = tmp_path / "bin" / "allennlp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ner_adv_plugin "$@"\n')
    program.chmod(0o755)

    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    command = [shell, "-c", IN_SHELLS[shell].format(script=script)]
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout.split()[0].partition("\\:")[0].partition(":")[0] == "evaluate", done


def test_help_does_not_import_argcomplete() -> None:
    assert importlib.util.find_spec("argcomplete") is not None
    code = (
        "import sys\nfrom ner_adv_plugin.commands import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "print('argcomplete' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith("False\n")
