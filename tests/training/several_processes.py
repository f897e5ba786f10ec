"""Train several configs in each process of a launcher; arguments: `CONFIG FOLDER ...`."""

import json
import sys
from pathlib import Path

import torch

import ner_adv_plugin.components  # noqa: F401
from ner_adv_plugin.common import processes
from ner_adv_plugin.runs.train_job import train_model


def thread_names() -> list[str]:
    """Return the names of the native threads of this process."""
    return [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]


def main() -> None:
    torch.set_num_threads(1)
    processes.join(cuda_device=-1)
    assert processes.world_size() == 2
    for config, folder in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        train_model(json.loads(Path(config).read_text(encoding="utf-8")), Path(folder))
    processes.leave()
    assert not [name for name in thread_names() if "gloo" in name]


if __name__ == "__main__":
    main()
