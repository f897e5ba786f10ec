"""The CPUs and threads of runs that a study starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ner_adv_plugin.studies import executors
from ner_adv_plugin.studies.executors import LocalExecutor
from tests.tiny import ROOT

CPUS = len(os.sched_getaffinity(0))
# Beside another run of two threads, share the CPUs as a command does, then start a run.
STARTS = """
import os, sys, time
from pathlib import Path
import torch
from ner_adv_plugin.common import cpu_share
from ner_adv_plugin.studies import executors

cpu_share.INTERVAL = 0.05
torch.set_num_threads(2)
own = len(os.sched_getaffinity(0))
shown = "import os; print(len(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
executors.worker_command = lambda folder, packages: [sys.executable, "-c", shown]
folder = Path(sys.argv[1])
(folder / "others").mkdir()
other = cpu_share._Share(folder / "others")
with cpu_share.sharing_cpus(folder / "others"):
    limit = time.monotonic() + 20
    while len(os.sched_getaffinity(0)) == own and time.monotonic() < limit:
        time.sleep(0.02)
    print(len(os.sched_getaffinity(0)))
    handle = executors.LocalExecutor(jobs=1).start(folder, [])
    while not handle.finished():
        time.sleep(0.02)
other.close()
"""


@pytest.mark.skipif(CPUS < 2, reason="needs two CPUs")
def test_runs_do_not_inherit_the_share_of_the_command(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    done = subprocess.run(
        [sys.executable, "-c", STARTS, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=True,
    )
    assert int(done.stdout) < CPUS
    cpus, threads = map(int, (tmp_path / "worker.log").read_text("utf-8").split())
    assert cpus == CPUS and threads == executors.usable_cpus()


def test_the_jobs_share_the_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(executors, "usable_cpus", lambda: 8)
    monkeypatch.setattr(
        executors, "_start", lambda command, folder, threads: started.append(threads)
    )
    for jobs, threads in ((1, None), (3, None), (9, None), (3, 5)):
        LocalExecutor(jobs, threads).start(tmp_path, [])
    assert started == [8, 2, 1, 5]
