"""What a run has cost."""

import time
from pathlib import Path

from ner_adv_plugin.runs.spent import Clock, Spent


def test_processes_of_a_run_add_up(tmp_path: Path) -> None:
    assert Spent.read(tmp_path) == Spent(0.0, 0.0)
    Spent(10.0, 20.0).write(tmp_path)

    clock = Clock(tmp_path)
    time.sleep(0.2)
    first = clock.spent()
    clock.note()
    assert 10.2 <= first.seconds < 12 and 20.0 <= first.cpu_seconds < 22
    # Noting twice does not count twice.
    clock.note()
    noted = Spent.read(tmp_path)
    assert first.seconds <= noted.seconds < first.seconds + 1
    assert Clock(tmp_path).spent().seconds >= noted.seconds


def test_cpu_seconds_are_not_those_of_the_clock(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    time.sleep(0.3)
    assert clock.spent().cpu_seconds < 0.2
    started = time.process_time()
    while time.process_time() - started < 0.3:
        pass
    assert clock.spent().cpu_seconds >= 0.3
