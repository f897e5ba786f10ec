"""Executors: where the runs of a study are trained."""

import os
import shlex
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.cpu_share import stop_sharing
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.threads import usable_cpus


class Handle(Protocol):
    """A run that was started."""

    def finished(self) -> bool:
        """Return whether it ended, well or not."""

    def stop(self) -> None:
        """Ask it to stop; what it trained so far can be resumed."""

    def kill(self) -> None:
        """End it at once; what it trained so far is not needed."""


class Executor(Registrable):
    """Starts the runs of a study, so many at a time."""

    default_implementation = "local"
    jobs: int

    def start(self, folder: Path, packages: Sequence[str]) -> Handle:
        """Start the run that a folder describes; see `ner_adv_plugin.studies.worker`.

        # Parameters

        folder : with `run.json`; output goes to `worker.log` in it.
        packages : packages with custom components to import.
        """
        # The runs share the CPUs themselves: they would inherit the share of this process.
        stop_sharing()
        return self.launch(folder, packages)

    @abstractmethod
    def launch(self, folder: Path, packages: Sequence[str]) -> Handle:
        """Start the run; called by `start` with its parameters."""


class _Process:
    """A process of this machine."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def finished(self) -> bool:
        """See `Handle.finished`."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """See `Handle.stop`."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def kill(self) -> None:
        """See `Handle.kill`."""
        self.process.kill()
        self.process.wait()


@Executor.register("local")
class LocalExecutor(Executor):
    """Processes on this machine. Registered as "local", the default.

    # Parameters

    jobs : runs trained side by side.
    threads : threads of each; by default the CPUs of this process shared among the jobs.

    # Example

    ```jsonnet
    { type: 'local', jobs: 2 }
    ```
    """

    def __init__(self, jobs: int = 1, threads: int | None = None) -> None:
        self.jobs = at_least(1, jobs, "jobs")
        self.threads = at_least(1, threads, "threads")

    def launch(self, folder: Path, packages: Sequence[str]) -> Handle:
        """See `Executor.launch`."""
        threads = self.threads or max(1, usable_cpus() // self.jobs)
        return _start(worker_command(folder, packages), folder, threads)


@Executor.register("command")
class CommandExecutor(Executor):
    """A command that starts each run and returns when it ended, such as `srun`.

    Registered as "command". The study's folder must be on a disk that all machines share.

    # Parameters

    command : the command line; `{command}` stands for the run's own, `{folder}` for its folder,
        `{name}` for its name.
    jobs : runs started at a time.

    # Example

    ```jsonnet
    { type: 'command', command: 'srun --cpus-per-task 4 {command}', jobs: 8 }
    ```
    """

    def __init__(self, command: str, jobs: int = 1) -> None:
        if "{command}" not in command:
            raise ConfigurationError(
                f'found "{command}", expected "{{command}}" in it for the run\'s own command',
                "command",
            )
        self.command = command
        self.jobs = at_least(1, jobs, "jobs")

    def launch(self, folder: Path, packages: Sequence[str]) -> Handle:
        """See `Executor.launch`."""
        own = shlex.join(worker_command(folder, packages))
        line = self.command.replace("{command}", own)
        line = line.replace("{folder}", shlex.quote(str(folder))).replace("{name}", folder.name)
        return _start(["bash", "-c", line], folder, None)


@Executor.register("slurm")
class SlurmExecutor(Executor):
    """Jobs of a Slurm cluster, through submitit (extra `slurm`). Registered as "slurm".

    The study's folder must be on a disk that all machines share.

    # Parameters

    jobs : jobs submitted at a time.
    settings : of submitit's `AutoExecutor.update_parameters`, such as timeout_min or
        slurm_partition.
    cluster : submitit's name of the cluster; "local" runs on this machine, for trying it out.

    # Example

    ```jsonnet
    { type: 'slurm', jobs: 20, settings: { timeout_min: 60, cpus_per_task: 4 } }
    ```
    """

    def __init__(
        self,
        jobs: int = 10,
        settings: dict[str, Any] | None = None,
        cluster: str | None = None,
    ) -> None:
        self.submitit: Any = require_extra("submitit", 'executor "slurm"')
        self.jobs = at_least(1, jobs, "jobs")
        self.settings = settings or {}
        self.cluster = cluster

    def launch(self, folder: Path, packages: Sequence[str]) -> Handle:
        """See `Executor.launch`."""
        executor = self.submitit.AutoExecutor(folder=folder / "slurm", cluster=self.cluster)
        executor.update_parameters(name=folder.name, **self.settings)
        call = self.submitit.helpers.CommandFunction(worker_command(folder, packages))
        return _SlurmJob(executor.submit(call))


class _SlurmJob:
    """A job of submitit."""

    def __init__(self, job: Any) -> None:
        self.job = job

    def finished(self) -> bool:
        """See `Handle.finished`."""
        return bool(self.job.done())

    def stop(self) -> None:
        """See `Handle.stop`."""
        self.job.cancel()

    def kill(self) -> None:
        """See `Handle.kill`."""
        self.job.cancel()


def worker_command(folder: Path, packages: Sequence[str]) -> list[str]:
    """Return the command that trains the run of a folder."""
    command = [sys.executable, "-m", "ner_adv_plugin", "study-run", str(folder)]
    return command + [part for name in packages for part in ("--include-package", name)]


def _start(command: Sequence[str], folder: Path, threads: int | None) -> Handle:
    environment: Mapping[str, str] = os.environ
    if threads is not None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    return _Process(process)
