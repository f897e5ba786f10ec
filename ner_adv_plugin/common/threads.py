"""The number of threads of a process, and the load of the machine; torch is imported late.

The number of threads is part of a result, as sums over more threads round differently. It depends
on settings and on the CPUs that the process may use, never on the load of the machine.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

OMP = "OMP_NUM_THREADS"
CGROUP = Path("/sys/fs/cgroup")


class _Chosen:
    """The choice for this process.

    # Parameters

    flag : value of `--threads`.
    current : the number of threads that was set last.
    explicit : whether a flag, a config or the environment determines it.
    """

    flag: int | None = None
    current: int | None = None
    explicit: bool = False


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use, by affinity and cgroup quota."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(CGROUP)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def cgroup_quota(root: Path) -> float | None:
    """Return the CPU quota of the process's cgroup in CPUs; None if it has none.

    # Parameters

    root : the mounted cgroup filesystem, of version 1 or 2. In a container its root is the
        container's own cgroup; outside, the quotas of the groups that enclose this process apply.
    """
    quotas = []
    for controller, path in _groups():
        base = root / controller if controller else root
        folders = [base, *(base / parent for parent in [path, *path.parents] if path.parts)]
        quotas += [own for own in map(_quota, folders) if own is not None]
    return min(quotas, default=None)


def _groups() -> list[tuple[str, Path]]:
    """Return controller and path of the cgroups that may limit this process."""
    groups = [("", Path()), ("cpu", Path()), ("cpu,cpuacct", Path())]
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return groups

    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            groups.append((controllers, Path(path.lstrip("/"))))
    return groups


def _quota(folder: Path) -> float | None:
    """Return the quota in a cgroup's folder, in CPUs."""
    try:
        if (folder / "cpu.max").is_file():
            limit, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            limit = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8").strip()
        return int(limit) / int(period) if limit.isdecimal() and int(period) else None
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def using_threads(flag: int | None) -> Iterator[None]:
    """Use as many threads as `--threads` says, or the default; torch must have been imported.

    # Parameters

    flag : value of `--threads`, which takes precedence over a config.
    """
    import torch

    before = torch.get_num_threads()
    _Chosen.flag = flag
    try:
        if flag is not None:
            _set(flag, explicit=True)
        elif os.environ.get(OMP):
            _set(None, explicit=True)
        else:
            _set(usable_cpus(), explicit=False)
        yield
    finally:
        _set(before, explicit=False)
        _Chosen.flag = None


def set_configured(threads: int | None) -> None:
    """Use the number of threads of a config, unless `--threads` was given."""
    if threads is not None and _Chosen.flag is None:
        _set(threads, explicit=True)


def set_recorded(threads: int) -> None:
    """Use the number of threads of a checkpoint, unless this run's is chosen explicitly."""
    import torch

    if not _Chosen.explicit and threads != torch.get_num_threads():
        logger.info("using %d threads, like the run that is resumed", threads)
        _set(threads, explicit=False)


def current_threads() -> int:
    """Return the number of threads of this process."""
    import torch

    return torch.get_num_threads() if _Chosen.current is None else _Chosen.current


def _set(threads: int | None, explicit: bool) -> None:
    import torch

    if threads is not None and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    _Chosen.current = torch.get_num_threads()
    _Chosen.explicit = explicit


def log_threads() -> None:
    """Log the number of threads."""
    logger.info("threads: %d", current_threads())


class Load:
    """How many of some CPUs other processes keep busy.

    # Parameters

    cpus : indices of the CPUs, which include those that this process uses.
    """

    def __init__(self, cpus: Sequence[int]) -> None:
        self.names = {f"cpu{index}" for index in cpus}
        self.before = self._sample()

    def measure(self) -> float:
        """Return the average number of busy CPUs since the last call; 0 if it is unknown."""
        before, self.before = self.before, self._sample()
        if before is None or self.before is None or self.before[0] <= before[0]:
            return 0.0
        seconds, busy, own = (new - old for new, old in zip(self.before, before, strict=True))
        return max(0.0, (busy - own) / seconds)

    def _sample(self) -> tuple[float, float, float] | None:
        """Return the time, and the busy seconds of the CPUs and of this process."""
        try:
            lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
            rows = [line.split() for line in lines]
            # user, nice, system, idle, iowait, irq, softirq, steal
            ticks = sum(
                sum(map(int, row[1:4])) + sum(map(int, row[6:9]))
                for row in rows
                if row[0] in self.names
            )
        except (OSError, ValueError, IndexError):
            return None
        return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), sum(os.times()[:4])
