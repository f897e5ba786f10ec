"""NO_COLOR: no output of the package has colours, by rich, tqdm or codes of our own."""

import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from ner_adv_plugin.common import progress
from ner_adv_plugin.common.progress import ProgressLines, make_file_friendly, progress_bar
from ner_adv_plugin.common.terminal import console
from tests.tiny import ROOT, single_task_config, write_config

# Selects colours, bold, italics and so on.
COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
# What makes our own codes or another console.
OWN_CODES = re.compile(r"\\(x1b|033|e|u001b)\[|\bConsole\(|colorama|termcolor")

TABLE = """
from rich.table import Table
from rich.live import Live
from ner_adv_plugin.common.terminal import console
table = Table(title="title", caption="caption", row_styles=["red", "on blue"])
table.add_column("[bold]name[/bold]")
table.add_row("[green]value[/green]")
console().print(table, "[bold]bold[/bold]", 1.5, True)
with Live(console=console(stderr=True), auto_refresh=False) as live:
    live.update(table, refresh=True)
"""
BAR = """
from ner_adv_plugin.common.progress import progress_bar
with progress_bar(3, "training") as bar:
    bar.mininterval = 0
    for _ in range(3):
        bar.update(1)
"""


def on_terminal(arguments: list[str], variables: Mapping[str, str]) -> str:
    """Return what a Python process prints to a terminal."""
    own = {"TERM": "xterm-256color", "COLUMNS": "80", "PYTHONPATH": str(ROOT), **variables}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "TQDM_COLOUR")
    }
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**inherited, **own},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            # The last process has closed the terminal.
            break
        if not part:
            break
        written += part
    os.close(ours)
    text = written.decode("utf-8", "replace")
    assert process.wait() == 0, text
    return text


@pytest.mark.parametrize("code", [TABLE, BAR], ids=["rich", "tqdm"])
def test_nothing_is_coloured_with_the_variable(code: str) -> None:
    coloured = {"TQDM_COLOUR": "green"}
    assert COLOURS.search(on_terminal(["-c", code], coloured))
    # Set to nothing, it does not count: https://no-color.org.
    assert COLOURS.search(on_terminal(["-c", code], {**coloured, "NO_COLOR": ""}))
    plain = on_terminal(["-c", code], {**coloured, "NO_COLOR": "1"})
    assert COLOURS.search(plain) is None
    assert "value" in plain or "training" in plain


def test_only_one_module_makes_consoles_and_none_writes_codes() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ner_adv_plugin").rglob("*.py")
        if OWN_CODES.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"ner_adv_plugin/common/terminal.py"}


def test_tables_in_a_file_are_wide_and_plain() -> None:
    assert console().width == 120 and console().color_system is None


@pytest.mark.slow
def test_a_run_in_a_terminal_has_bars_without_colours(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.json", single_task_config(trainer__num_epochs=1))
    command = ["-m", "ner_adv_plugin", "train", config, "-s", str(tmp_path / "run")]
    text = on_terminal(command, {"NO_COLOR": "1", "TQDM_COLOUR": "green"})
    assert "epoch 1/1" in text and "best_validation_weibo_f1" in text
    assert COLOURS.search(text) is None


def test_file_friendly_logging_prints_a_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ner_adv_plugin")
    with progress_bar(3, "quiet", lines=False) as bar:
        assert bar.disable, "stderr is no terminal"
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with progress_bar(3, "drawn") as bar:
        assert not bar.disable

    now, told = 0.0, []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    make_file_friendly(True)
    try:
        with ProgressLines(90, "told", clock=lambda: now) as lines:
            for now in range(1, 31):
                lines.update(3)
                told += [now] if caplog.messages else []
                caplog.clear()
        with progress_bar(3, "told", lines=False) as bar:
            assert bar.disable
    finally:
        make_file_friendly(False)
    assert told == [10, 20, 30]
