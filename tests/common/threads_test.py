"""The number of threads, and the sharing of CPUs between runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ner_adv_plugin.common import threads
from ner_adv_plugin.common.cpu_share import share_of
from ner_adv_plugin.common.threads import (
    Load,
    cgroup_quota,
    set_configured,
    set_recorded,
    usable_cpus,
    using_threads,
)
from tests.tiny import ROOT

CPUS = len(os.sched_getaffinity(0))
two_cpus = pytest.mark.skipif(CPUS < 2, reason="needs two CPUs")
WITHOUT_OMP = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
# Share the CPUs like a run, and print those of this process whenever they change.
SHARING = """
import os, sys, time
from pathlib import Path
import torch
from ner_adv_plugin.common import cpu_share
cpu_share.INTERVAL = 0.05
torch.set_num_threads(int(sys.argv[2]))
with cpu_share.sharing_cpus(Path(sys.argv[1])):
    before = None
    while True:
        now = sorted(os.sched_getaffinity(0))
        if now != before:
            print(now, flush=True)
        before = now
        time.sleep(0.02)
"""
# Print the CPU seconds of idle threads after parallel operations, spinning and yielding.
IDLE = """
import time, torch
from ner_adv_plugin.common.yielding import Yielding
torch.set_num_threads(2)
numbers = torch.ones(1 << 18)

def idle():
    numbers.add_(1)
    started = time.process_time()
    for _ in range(50):
        numbers.add_(1)
        time.sleep(0.002)
    return time.process_time() - started

yielding = Yielding(len(__import__("os").sched_getaffinity(0)))
seconds = [idle()]
for on in (True, False):
    yielding.switch(on)
    seconds.append(idle())
print(*seconds)
"""


@pytest.fixture
def no_choice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        (
            {"cpu,cpuacct/cpu.cfs_quota_us": "5000\n", "cpu,cpuacct/cpu.cfs_period_us": "9\n"},
            5e3 / 9,
        ),
        ({"cpu.max": "strange\n"}, None),
        ({}, None),
    ],
)
def test_quota(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_quota(tmp_path) == quota


def test_the_lowest_quota_of_enclosing_groups_applies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pod" / "box").mkdir(parents=True)
    (tmp_path / "pod" / "cpu.max").write_text("200000 100000")
    (tmp_path / "pod" / "box" / "cpu.max").write_text("max 100000")
    monkeypatch.setattr(threads, "_groups", lambda: [("", Path("pod/box"))])
    assert cgroup_quota(tmp_path) == 2


def test_cpus_follow_affinity_and_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    for quota, expected in ((None, 6), (2.5, 2), (0.5, 1), (64.0, 6)):
        monkeypatch.setattr(threads, "cgroup_quota", lambda _, quota=quota: quota)
        assert usable_cpus() == expected


def test_precedence(no_choice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "usable_cpus", lambda: 3)
    before = torch.get_num_threads()
    with using_threads(None):
        assert torch.get_num_threads() == 3
        set_recorded(2)
        assert torch.get_num_threads() == 2
        set_configured(4)
        assert torch.get_num_threads() == 4
        set_recorded(2)
        assert torch.get_num_threads() == 4
    with using_threads(5):
        set_configured(4)
        set_recorded(2)
        assert torch.get_num_threads() == 5
    assert torch.get_num_threads() == before
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with using_threads(None):
        set_recorded(7)
        assert torch.get_num_threads() == before


def test_shares_are_disjoint_and_cover_all() -> None:
    for cpus in (1, 2, 3, 8):
        for runs in range(1, cpus + 1):
            shares = [share_of(i, runs, range(cpus)) for i in range(runs)]
            assert sum(shares, []) == list(range(cpus)) and all(shares)
    assert [share_of(i, 5, [3, 7]) for i in range(5)] == [[3], [7], [3], [7], [3]]


def _start(folder: Path, threads: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SHARING, str(folder), str(threads)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=WITHOUT_OMP,
    )


@two_cpus
def test_runs_share_the_cpus_and_get_those_of_a_killed_run(tmp_path: Path) -> None:
    everything = sorted(os.sched_getaffinity(0))
    first = _start(tmp_path, CPUS)
    assert first.stdout is not None
    assert json.loads(first.stdout.readline()) == everything
    second = _start(tmp_path, CPUS)
    try:
        assert second.stdout is not None
        first_half = json.loads(first.stdout.readline())
        found = json.loads(second.stdout.readline())
        second_half = json.loads(second.stdout.readline()) if found == everything else found
        assert first_half + second_half == everything and first_half and second_half
        # A run that is suspended needs none.
        second.send_signal(signal.SIGSTOP)
        assert json.loads(first.stdout.readline()) == everything
        second.send_signal(signal.SIGCONT)
        assert json.loads(first.stdout.readline()) == first_half
        second.send_signal(signal.SIGKILL)
        assert json.loads(first.stdout.readline()) == everything
    finally:
        for run in (first, second):
            run.kill()
            run.wait()
    # The entry of the killed run has been removed.
    assert len(list(tmp_path.iterdir())) == 1


@two_cpus
@pytest.mark.parametrize("count", [2, CPUS + 1])
def test_runs_of_one_thread_are_not_confined(count: int, tmp_path: Path) -> None:
    runs = [_start(tmp_path, 1) for _ in range(count)]
    for run in runs:
        assert run.stdout is not None
        run.stdout.readline()
    time.sleep(0.5)
    for run in runs:
        assert len(os.sched_getaffinity(run.pid)) == CPUS
        run.kill()
        run.wait()


@two_cpus
def test_idle_threads_sleep_while_yielding() -> None:
    """The CPU time of threads without work shows whether they spin."""
    command = [sys.executable, "-c", IDLE]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=WITHOUT_OMP, check=True
    )
    spinning, yielding, again = map(float, done.stdout.split())
    assert yielding < 0.5 * min(spinning, again)


def test_load_counts_other_processes_only() -> None:
    load = Load(sorted(os.sched_getaffinity(0)))
    started = time.monotonic()
    while time.monotonic() - started < 0.3:
        pass
    assert 0 <= load.measure() <= CPUS
    assert Load([]).measure() == 0
