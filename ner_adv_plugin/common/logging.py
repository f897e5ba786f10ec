"""Logging to the terminal and to the `out.log` of a run."""

import logging
import sys
import warnings
from pathlib import Path


def log_to(folder: Path | None = None, level: int = logging.INFO) -> None:
    """Set up logging: messages of this package and all warnings go to stderr.

    # Parameters

    folder : if set, everything is also logged to its `out.log`.
    level : the lowest level that is logged.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    # A full disk is reported once, by the operation that fails, not by every message to out.log.
    logging.raiseExceptions = False

    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    terminal.addFilter(
        lambda record: record.name.startswith("ner_adv_plugin") or record.levelno >= logging.WARNING
    )
    root.addHandler(terminal)
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", message="User provided device_type of 'cuda'")
    if "transformers" in sys.modules:
        quiet_transformers()

    if folder is not None:
        file = logging.FileHandler(folder / "out.log", encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(file)


def quiet_transformers() -> None:
    """Disable the progress bars and notices of transformers."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
