"""The code blocks of a page in Markdown, and a folder to run them in."""

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import _jsonnet

from ner_adv_plugin.common.params import default_variables
from tests.core_install import write_sitecustomize
from tests.tiny import ROOT

FENCE = re.compile(r"^(?P<indent>\s*)(?P<mark>`{3,})(?P<info>.*)$")
NOT_RUN = re.compile(r"^\s*<!-- not run: \S.* -->$")
# A comment before a block, or the block's first line.
FILE = re.compile(r"^\s*(?:<!--|#|//|--) file: (?P<path>\S+)(?: -->)?$")
# Commands that set a machine up or test the project: in place where pages are run, or slow.
SET_UP = re.compile(
    r"^(git clone|cd ner_adv_plugin|python3 -m venv|source|(\.venv/bin/)?pip install"
    r"|(\.venv/bin/)?(python3? -m )?pytest|python -m docs|pre-commit|ruff|mypy|lint-imports)\b"
)
RUN = ("bash", "console", "python", "jsonnet", "json")
SHOWN = ("", "text", "toml", "yaml", "diff", "mermaid")
SECONDS = 600
# Pages for newcomers begin with it; it takes minutes on a slow machine.
MAIN_JOB = "allennlp train training_configs/adv.jsonnet -s runs/adv"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    # Parameters

    language : what stands behind its first fence.
    text : its lines, without a first line that names a file.
    line : where it begins in the page.
    file : the file that it is the content of; None if it is not to be written.
    is_run : False after a comment `<!-- not run: reason -->`.
    """

    language: str
    text: str
    line: int
    file: str | None = None
    is_run: bool = True


def blocks(page: str, first_line: int = 1) -> Iterator[Block]:
    """All blocks of a page, those inside of directives such as notes included."""
    lines = page.splitlines()
    above = ""
    position = 0
    while position < len(lines):
        opening = FENCE.match(lines[position])
        if opening is None:
            above = lines[position].strip() or above
            position += 1
            continue

        mark = opening["mark"]
        end = next(
            (i for i in range(position + 1, len(lines)) if lines[i].strip() == mark), len(lines)
        )
        indent = len(opening["indent"])
        content = [line[indent:] for line in lines[position + 1 : end]]
        line_number = first_line + position
        info = opening["info"].strip()
        if info.startswith("{"):
            yield from blocks("\n".join(content), line_number + 1)
        else:
            yield _block(info, content, line_number, above)
        above = ""
        position = end + 1


def _block(language: str, content: list[str], line: int, above: str) -> Block:
    named = FILE.match(above)
    if named is None and content and (named := FILE.match(content[0])):
        content = content[1:]
    text = "".join(f"{text}\n" for text in content)
    return Block(language, text, line, named["path"] if named else None, not NOT_RUN.match(above))


class Folder:
    """A folder in which the blocks of a page are run, with the project's configs and fixtures.

    # Parameters

    path : an empty folder.
    core : whether to hide all packages that the first set-up command of the README does not
        install.
    main_job : a folder that keeps the run of the main job for other pages; by default each trains
        its own.
    """

    def __init__(self, path: Path, core: bool = False, main_job: Path | None = None) -> None:
        self.path = path
        self.main_job = main_job
        for name in ("fixtures", "studies", "training_configs"):
            shutil.copytree(ROOT / name, path / name)
        shutil.copy(ROOT / ".allennlp_plugins", path)

        # Set-up commands make `.venv`, by which others call programs.
        (path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
        hiding = [str(write_sitecustomize(path / ".hiding"))] if core else []
        self.environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "PATH": os.pathsep.join(folders),
            "PYTHONPATH": os.pathsep.join([*hiding, str(ROOT), str(path)]),
        }
        self._python: subprocess.Popen[str] | None = None

    def run(self, block: Block) -> None:
        """Run a block or write it to its file; `AssertionError` if it does not do as it should."""
        if block.file is not None:
            target = (self.path / block.file).resolve()
            assert target.is_relative_to(self.path.resolve())
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.is_run and block.language in RUN:
            getattr(self, f"_run_{block.language}")(block.text)

    def close(self) -> None:
        """End the process of the Python blocks."""
        if self._python is not None:
            assert self._python.stdin is not None
            self._python.stdin.close()
            self._python.wait()

    def _run_bash(self, text: str) -> None:
        lines = [left for line in _whole_lines(text) if (left := _without_set_up(line))]
        self._check(self._bash("\n".join(lines)), "")

    def _run_console(self, text: str) -> None:
        for command, expected in _session(text):
            if not (command := _without_set_up(command)):
                continue
            done = self._done(command)
            # A message of an error is an answer, too.
            if not expected.startswith(("error:", "错误：")):
                self._check(done, command)
            # The log, on stderr, may be left out.
            checker = doctest.OutputChecker()
            shown = [_stripped(done.stdout), _stripped(done.stdout + done.stderr)]
            matches = (checker.check_output(expected, text, doctest.ELLIPSIS) for text in shown)
            assert any(matches), f"$ {command}\nexpected:\n{expected}\nfound:\n{shown[-1]}"

    def _done(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command, or take the run of the main job from the page that trained it."""
        if command != MAIN_JOB or self.main_job is None:
            return self._bash(command)

        kept, own, printed = self.main_job / "run", self.path / "runs/adv", self.main_job / "out"
        if kept.is_dir():
            shutil.copytree(kept, own)
            output = printed.read_text(encoding="utf-8")
            return subprocess.CompletedProcess(command, 0, output, "")
        done = self._bash(command)
        if done.returncode == 0:
            printed.write_text(done.stdout, encoding="utf-8")
            shutil.copytree(own, kept)
        return done

    def _run_python(self, text: str) -> None:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, "-c", SERVE],
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._python.stdin is not None and self._python.stdout is not None
        self._python.stdin.write(json.dumps(text) + "\n")
        self._python.stdin.flush()
        answer = self._python.stdout.readline()
        assert answer, "the process of the Python blocks ended"
        error = json.loads(answer)
        assert not error, error

    def _run_jsonnet(self, text: str) -> None:
        evaluated(text, self.path)

    def _run_json(self, text: str) -> None:
        try:
            json.loads(text)
        except ValueError:
            # JSON lines.
            for line in text.splitlines():
                json.loads(line)

    def _bash(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def _check(self, done: subprocess.CompletedProcess[str], command: str) -> None:
        assert done.returncode == 0, (
            f"exit status {done.returncode}: {command}\n{done.stdout}{done.stderr}"
        )


def evaluated(text: str, folder: Path = ROOT) -> object:
    """The content of a config.

    # Parameters

    text : Jsonnet.
    folder : holds `training_configs/`, whose files it can import.
    """
    paths = [str(folder), str(folder / "training_configs")]
    found = _jsonnet.evaluate_snippet("block", text, ext_vars=default_variables(), jpathdir=paths)
    return json.loads(found)


def _without_set_up(line: str) -> str:
    """A line without those commands between `&&` that set a machine up."""
    if not SET_UP.match(line):
        return line
    return " && ".join(part for part in line.split(" && ") if not SET_UP.match(part))


def _whole_lines(text: str) -> list[str]:
    r"""Lines, those that end in `\` together with the next."""
    return re.split(r"(?<!\\)\n", text)


def _session(text: str) -> Iterator[tuple[str, str]]:
    """Commands after `$ `, each with the output that follows it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = re.sub(r"\\\n> ?", "\\\n", part).partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command += "\n" + more
        yield command, _stripped(output.rstrip("\n"))


def _stripped(text: str) -> str:
    """Lines without spaces at their ends."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


# Runs blocks that come as lines of JSON, in one namespace; answers each with its traceback.
SERVE = """
import contextlib, json, sys, traceback
answers = sys.stdout
namespace = {"__name__": "__main__"}
for line in sys.stdin:
    error = ""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            exec(compile(json.loads(line), "<block>", "exec"), namespace)
        except BaseException:
            error = traceback.format_exc()
    print(json.dumps(error), file=answers, flush=True)
"""
