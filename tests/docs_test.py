"""What the pages show works.

The code blocks of a page are run in their order, in a folder of their own that starts as a copy of
`training_configs/` and `fixtures/`. By language:

- `bash`: must end with status 0. Lines that set a machine up (`tests.pages.SET_UP`) are skipped.
- `console`: lines after `$ ` are run; what they print must be what follows, `...` is anything. The
  log, on stderr, may be left out. The status must be 0, unless what follows begins with `error:`.
- `python`: all blocks of a page are run in one process.
- `jsonnet`: must evaluate, with the variables that the configs read.
- `json`: must parse, whole or line by line. `text`, `toml`, `yaml` and `diff` are only shown.

A block with `# file: PATH` or `// file: PATH` as its first line is written to that file. A block
after the comment `<!-- not run: REASON -->` is only shown.
"""

import re
from pathlib import Path

import pytest

from tests.pages import RUN, SHOWN, Block, Folder, blocks
from tests.tiny import ROOT

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
        runnable = [
            block
            for block in blocks(page.read_text(encoding="utf-8"))
            if block.is_run and block.file is None and block.language in ("bash", "console")
        ]
        trains = any(TRAINS.search(block.text) for block in runnable)
        marks = [pytest.mark.slow] if trains else []
        parameters.append(pytest.param(page, id=str(page.relative_to(ROOT)), marks=marks))
    return parameters


@pytest.mark.parametrize("page", _parameters())
def test_code_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    failure = None
    for block in blocks(page.read_text(encoding="utf-8")):
        try:
            folder.run(block)
        except Exception as error:
            failure = f"{page.relative_to(ROOT)}:{block.line}: {error}"
            break
    folder.close()
    assert failure is None, failure


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
