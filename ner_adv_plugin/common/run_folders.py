"""Which folders are those of runs, and what to name instead of one that is none."""

import json
from pathlib import Path

from ner_adv_plugin.common.errors import UserError

CONFIG = "config.json"
# Of a run of a study, with its plan.
PLANNED = "run.json"


def is_run(folder: Path) -> bool:
    """Return whether a folder is that of a run of `allennlp train`, finished or not."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    # Encoders have a `config.json`, too.
    return isinstance(config, dict) and "dataset_reader" in config


def not_a_run(folder: Path) -> UserError:
    """Return the error about a path that is not the folder of a run, with what to name instead."""
    start = f"{folder} is not the folder of a run: "
    if folder.is_file():
        return UserError(f"{start}it is a file. Name the folder of `allennlp train -s FOLDER`.")
    if not folder.is_dir():
        return UserError(f"{start}there is no such folder")

    below = sorted(path.parent for path in folder.glob(f"*/{CONFIG}") if is_run(path.parent))
    below += sorted(path.parent for path in folder.glob(f"runs/*/{PLANNED}"))
    if not below:
        return UserError(f"{start}it has no {CONFIG} of one. Name that of `allennlp train`.")
    shown = ", ".join(map(str, below[:3])) + (", ..." if len(below) > 3 else "")
    return UserError(f"{start}it has no {CONFIG} of one. Name one of those in it: {shown}")
