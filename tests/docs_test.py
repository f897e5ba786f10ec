"""What the pages show works.

The code blocks of a page are run in their order, in a folder of their own that starts as a copy of
`training_configs/` and `fixtures/`. By language:

- `bash`: must end with status 0. Lines that set a machine up (`tests.pages.SET_UP`) are skipped.
- `console`: lines after `$ ` are run; what they print must be what follows, `...` is anything. The
  log, on stderr, may be left out. The status must be 0, unless what follows begins with `error:`.
- `python`: all blocks of a page are run in one process.
- `jsonnet`: must evaluate, with the variables that the configs read.
- `json`: must parse, whole or line by line. `text`, `toml`, `yaml` and `diff` are only shown.

The pages of `CORE` are run without the packages that their first set-up command does not install.

A block with `# file: PATH` or `// file: PATH` as its first line is written to that file. A block
after the comment `<!-- not run: REASON -->` is only shown.
"""

import re
from pathlib import Path

import pytest

from tests.pages import RUN, SHOWN, Block, Folder, blocks, evaluated
from tests.tiny import ROOT

README = "README.md"
# Shows the same commands as the README, which are run once.
TRANSLATION = "README.zh-CN.md"
# What a newcomer follows first.
CORE = (README, "docs/tutorial/first-run.md")
TRAINS = re.compile(r"\b(train|find-lr|test-install|compare|tune)\b")


def _pages() -> list[Path]:
    own = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    skipped = (ROOT / "docs" / "_build", ROOT / "docs" / "reference" / "generated")
    return sorted(
        page for page in own if not any(page.is_relative_to(folder) for folder in skipped)
    )


def _parameters() -> list[object]:
    parameters = []
    for page in _pages():
        if page == ROOT / TRANSLATION:
            continue
        runnable = [
            block
            for block in blocks(page.read_text(encoding="utf-8"))
            if block.is_run and block.file is None and block.language in ("bash", "console")
        ]
        trains = any(TRAINS.search(block.text) for block in runnable)
        marks = [pytest.mark.slow] if trains else []
        parameters.append(pytest.param(page, id=str(page.relative_to(ROOT)), marks=marks))
    return parameters


@pytest.fixture(scope="module")
def main_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that keeps the run of the main job for all pages that begin with it."""
    return tmp_path_factory.mktemp("main_job")


@pytest.mark.parametrize("page", _parameters())
def test_code_blocks_of_a_page_run(page: Path, tmp_path: Path, main_job: Path) -> None:
    folder = Folder(tmp_path, core=str(page.relative_to(ROOT)) in CORE, main_job=main_job)
    failure = None
    for block in blocks(page.read_text(encoding="utf-8")):
        try:
            folder.run(block)
        except Exception as error:
            failure = f"{page.relative_to(ROOT)}:{block.line}: {error}"
            break
    folder.close()
    assert failure is None, failure


def _commands_in_text(page: str) -> list[str]:
    """Commands of the package in code spans, such as `allennlp --help`, with names filled in."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"`(allennlp [^`]+)`", text)
    return [command.replace("NAME", "crf") for command in dict.fromkeys(found)]


SUBCOMMANDS = ("quickstart", "explain", "evaluate", "serve", "export", "push", "select", "audit")
# A study takes minutes; its runs are made fewer and shorter.
SHORT = {"allennlp compare ": """ -o '{"seeds": 2, "budget.epochs": 1}'"""}


def _options_in_text(page: str) -> set[str]:
    """Options in code spans, such as `--dry-run`."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`(--?[a-z][a-z-]*)`", text))


def test_commands_in_the_text_of_the_readme_run(tmp_path: Path) -> None:
    commands = _commands_in_text((ROOT / README).read_text(encoding="utf-8"))
    assert "allennlp --help" in commands and "allennlp components crf" in commands
    folder = Folder(tmp_path, core=True)
    for command in commands:
        shorter = "".join(flag for start, flag in SHORT.items() if command.startswith(start))
        folder.run(Block("bash", command + shorter, 0))


def test_commands_that_are_not_run_are_checked(tmp_path: Path) -> None:
    """What needs real corpora at least has a config that passes the check."""
    page = (ROOT / README).read_text(encoding="utf-8")
    shown = [block for block in blocks(page) if not block.is_run]
    assert shown and all("allennlp train" in block.text for block in shown)
    folder = Folder(tmp_path, core=True)
    for block in shown:
        folder.run(Block("bash", block.text.rstrip("\n") + " --dry-run\n", block.line))


def test_options_and_subcommands_in_the_text_of_the_readme_exist(tmp_path: Path) -> None:
    text = (ROOT / README).read_text(encoding="utf-8")
    options = _options_in_text(text)
    assert {"-o", "--dry-run", "--include-package"} <= options
    assert all(f"`{command}`" in text for command in SUBCOMMANDS)
    searches = [
        "allennlp train --help > train.txt",
        *(f"grep -qe '{option}\\b' train.txt" for option in sorted(options)),
        "allennlp --help > all.txt",
        *(f"grep -qe '^ *{command} ' all.txt" for command in SUBCOMMANDS),
    ]
    Folder(tmp_path, core=True).run(Block("bash", "\n".join(searches), 0))


def test_the_translated_readme_shows_the_same() -> None:
    """Blocks, up to comments in configs, and the commands and options in the text."""
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in (README, TRANSLATION)]
    own, translated = ([_compared(block) for block in blocks(page)] for page in pages)
    assert own == translated and len(own) > 5
    own, translated = ([_commands_in_text(page), sorted(_options_in_text(page))] for page in pages)
    assert own == translated
    assert all(f"`{command}`" in page for command in SUBCOMMANDS for page in pages)


def _compared(block: Block) -> tuple[str, str | None, bool, object]:
    content = evaluated(block.text) if block.language == "jsonnet" else block.text
    return block.language, block.file, block.is_run, content


def test_set_up_is_left_out_of_a_line_but_not_what_follows_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    line = "python3 -m venv .venv && .venv/bin/pip install -q -e . && echo a > a.txt"
    folder.run(Block("bash", line, 0))
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "a\n"
    failing = "python3 -m venv .venv && .venv/bin/python -c 'exit(1)'"
    with pytest.raises(AssertionError, match="exit status 1"):
        folder.run(Block("bash", failing, 0))


def test_a_page_of_newcomers_sees_no_extras(tmp_path: Path) -> None:
    folder = Folder(tmp_path, core=True)
    folder.run(Block("bash", ".venv/bin/python -c 'import torch, seqeval'", 0))
    for module in ("pytest", "hypothesis"):
        with pytest.raises(AssertionError, match=f"No module named '{module}'"):
            folder.run(Block("bash", f".venv/bin/python -c 'import {module}'", 0))


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_languages_of_blocks_are_known(page: Path) -> None:
    unknown = {
        f"{block.line}: {block.language}"
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.language not in (*RUN, *SHOWN)
    }
    assert not unknown


def _only(page: str) -> Block:
    (block,) = blocks(page)
    return block


def test_a_block_is_a_file_by_its_first_line_or_by_the_comment_before_it() -> None:
    inside = _only("```python\n# file: mine/head.py\nx = 1\n```\n")
    before = _only("<!-- file: mine/head.py -->\n```python\nx = 1\n```\n")
    assert (inside.file, inside.text) == (before.file, before.text) == ("mine/head.py", "x = 1\n")


def test_a_block_is_not_run_after_a_comment_with_a_reason() -> None:
    assert not _only("<!-- not run: needs a GPU -->\n\n```bash\nfalse\n```\n").is_run
    assert _only("<!-- not run: -->\n```bash\nfalse\n```\n").is_run
    assert _only("<!-- not run: slow -->\nText.\n\n```bash\nfalse\n```\n").is_run


def test_blocks_inside_of_lists_and_notes_are_found() -> None:
    page = "1. So:\n\n   ```bash\n   true\n   ```\n\n````{note}\n```python\nx = 1\n```\n````\n"
    first, second = blocks(page)
    assert (first.language, first.text, first.line) == ("bash", "true\n", 3)
    assert (second.language, second.text, second.line) == ("python", "x = 1\n", 8)


@pytest.mark.parametrize(
    "page",
    [
        "```bash\ntrue\nfalse\n```\n",
        "```bash\necho $UNDEFINED\n```\n",
        "```console\n$ echo 1\n2\n```\n",
        "```console\n$ false\n```\n",
        "```python\nx = 1\n```\n```python\nassert x == 2\n```\n",
        "```jsonnet\n{ a: \n```\n",
        "```json\n{'a': 1}\n```\n",
    ],
)
def test_a_block_that_fails_is_a_failure(page: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    *before, last = blocks(page)
    for block in before:
        folder.run(block)
    with pytest.raises((AssertionError, RuntimeError, ValueError)):
        folder.run(last)
    folder.close()


def test_pages_share_the_run_of_the_main_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "mkdir -p runs/adv && date +%N | tee runs/adv/trained"
    monkeypatch.setattr("tests.pages.MAIN_JOB", command)
    (tmp_path / "kept").mkdir()
    trained = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        folder = Folder(tmp_path / name, main_job=tmp_path / "kept")
        folder.run(_only(f"```console\n$ {command}\n...\n```\n"))
        trained.append((tmp_path / name / "runs/adv/trained").read_text(encoding="utf-8"))
    assert trained[0] == trained[1]


def test_blocks_see_what_those_before_them_left(tmp_path: Path) -> None:
    page = """
```bash
pip install nothing-of-this-name \\
  --quiet
echo a > a.txt
```
```text
# file: b.txt
b
```
```console
$ cat a.txt \\
> b.txt
a
b
$ python -c 'print("error: 0.1234"); exit(2)'
error: 0...
```
```python
import pathlib
text = pathlib.Path("b.txt").read_text()
```
```python
assert text == "b\\n"
print(text)
```
```jsonnet
(import 'training_configs/adv.jsonnet') + { data: std.extVar('NER_DATA') }
```
```json
{"a": 1}
{"a": 2}
```
"""
    folder = Folder(tmp_path)
    for block in blocks(page):
        folder.run(block)
    folder.close()
