"""Starting several processes from a config: the command runs itself under torch's launcher."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ner_adv_plugin.common.cpu_share import stop_sharing
from ner_adv_plugin.common.errors import ConfigurationError

# The exit status after Ctrl-C.
INTERRUPTED = 130


@dataclass
class Distributed:
    """Distributed training with one process per device, on one or several nodes.

    # Parameters

    cuda_devices : for each node, the indices of its GPUs, one process each; -1 for a process on the
        CPU.
    num_nodes : the number of nodes, each of which runs the command with its own `--node-rank`.
    primary_address, primary_port : address and port at which the other nodes reach node 0.
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
        """The number of processes on all nodes."""
        return len(self.cuda_devices) * self.num_nodes


def launch(setting: Distributed, node_rank: int, arguments: Sequence[str]) -> int:
    """Run the command in all processes of one node.

    # Parameters

    setting : the devices and nodes.
    node_rank : the index of this node.
    arguments : the command-line arguments of `allennlp`.

    # Returns

    The exit status.
    """
    command = [sys.executable, "-m", "torch.distributed.run"]
    command += ["--nproc-per-node", str(len(setting.cuda_devices))]
    if setting.num_nodes == 1:
        command += ["--standalone"]
    else:
        command += ["--nnodes", str(setting.num_nodes), "--node-rank", str(node_rank)]
        command += ["--master-addr", setting.primary_address]
        command += ["--master-port", str(setting.primary_port)]
    command += ["-m", "ner_adv_plugin", *arguments]

    if -1 in setting.cuda_devices:
        devices = {"ACCELERATE_USE_CPU": "true"}
    else:
        devices = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, setting.cuda_devices))}
    # The processes share the CPUs themselves.
    stop_sharing()
    process = subprocess.Popen(command, env={**os.environ, **devices})
    try:
        return process.wait()
    except KeyboardInterrupt:
        # Let the processes archive the best weights so far; the first says how to resume.
        process.send_signal(signal.SIGINT)
        process.wait()
        return INTERRUPTED
