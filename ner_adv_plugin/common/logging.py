"""Logging to the terminal and to the `out.log` of a run."""

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator
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

    terminal = _terminal_handler()
    terminal.addFilter(_is_for_terminal)
    root.addHandler(terminal)
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", message="User provided device_type of 'cuda'")
    if "transformers" in sys.modules:
        quiet_transformers()

    if folder is not None:
        root.addHandler(_file_handler(folder))


@contextlib.contextmanager
def logging_run(folder: Path, verbose: bool) -> Iterator[None]:
    """Log this package to the `out.log` of a run, and leave other loggers as they are.

    # Parameters

    folder : the folder of the run.
    verbose : also log to stderr, unless the program has set up logging itself.
    """
    own = logging.getLogger(__name__.partition(".")[0])
    handlers: list[logging.Handler] = [_file_handler(folder)]
    if verbose and not logging.getLogger().handlers and not own.handlers:
        handlers.append(_terminal_handler())
    level = own.level
    own.setLevel(logging.INFO)
    for handler in handlers:
        own.addHandler(handler)
    if "transformers" in sys.modules:
        quiet_transformers()
    try:
        yield
    finally:
        own.setLevel(level)
        for handler in handlers:
            own.removeHandler(handler)
            handler.close()


def _is_for_terminal(record: logging.LogRecord) -> bool:
    """Return whether a message is ours or a warning, and no library prints it by itself."""
    is_own = record.name.startswith("ner_adv_plugin")
    if not is_own and record.levelno < logging.WARNING:
        return False
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None and logger.parent is not None:
        streams = [
            getattr(handler, "stream", None)
            for handler in logger.handlers
            if record.levelno >= handler.level
        ]
        if sys.stderr in streams or sys.stdout in streams:
            return False
        logger = logger.parent
    return True


def _terminal_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    return handler


def _file_handler(folder: Path) -> logging.Handler:
    handler = logging.FileHandler(folder / "out.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return handler


def quiet_transformers() -> None:
    """Disable the progress bars and notices of transformers."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
