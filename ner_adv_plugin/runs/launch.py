"""The config's own way to several processes: the command starts itself again under torch's launcher."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ner_adv_plugin.common.errors import ConfigurationError


@dataclass
class Distributed:
    """One process a device, on one node or several.

    # Parameters

    cuda_devices : the GPUs of each node by number, one process each; -1 for a process on the CPU.
    num_nodes : nodes, each of which runs the command with its own `--node-rank`.
    primary_address, primary_port : of node 0, where those of other nodes find it.
    """

    cuda_devices: list[int]
    num_nodes: int = 1
    primary_address: str = "127.0.0.1"
    primary_port: int = 29500

    def __post_init__(self) -> None:
        if self.processes < 2:
            raise ConfigurationError("expected two processes or more", "cuda_devices")
        if -1 in self.cuda_devices and set(self.cuda_devices) != {-1}:
            raise ConfigurationError(
                f"expected GPUs, or -1 alone, found {self.cuda_devices}", "cuda_devices"
            )

    @property
    def processes(self) -> int:
        """How many there are on all nodes."""
        return len(self.cuda_devices) * self.num_nodes


def launch(setting: Distributed, node_rank: int, arguments: Sequence[str]) -> int:
    """Run this command with the same arguments in every process of a node; the exit status."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        str(len(setting.cuda_devices)),
    ]
    if setting.num_nodes == 1:
        command += ["--standalone"]
    else:
        command += ["--nnodes", str(setting.num_nodes), "--node-rank", str(node_rank)]
        command += [
            "--master-addr",
            setting.primary_address,
            "--master-port",
            str(setting.primary_port),
        ]
    devices = ",".join(map(str, setting.cuda_devices))
    on_cpu = -1 in setting.cuda_devices
    where = {"ACCELERATE_USE_CPU": "true"} if on_cpu else {"CUDA_VISIBLE_DEVICES": devices}
    process = subprocess.Popen(
        [*command, "-m", "ner_adv_plugin", *arguments], env={**os.environ, **where}
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The processes archive the best weights so far.
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
