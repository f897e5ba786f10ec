"""Logging to the terminal and to a run's out.log."""

import logging
import sys
import warnings
from pathlib import Path


def log_to(folder: Path | None = None, level: int = logging.INFO) -> None:
    """Log messages of this package to stderr, and where a folder is given everything to its `out.log` too."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    # Where the disk is full it is said once, by what fails for it, and not by every message that out.log cannot take.
    logging.raiseExceptions = False
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    terminal.addFilter(
        lambda record: record.name.startswith("ner_adv_plugin") or record.levelno >= logging.WARNING
    )
    root.addHandler(terminal)
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", message="User provided device_type of 'cuda'")
    _quiet_transformers()
    if folder is not None:
        file = logging.FileHandler(folder / "out.log", encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(file)


def _quiet_transformers() -> None:
    """No bars and notices of transformers' own."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
