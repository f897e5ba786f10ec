"""The warnings in the log of a run."""

import re
from pathlib import Path

# A line of `out.log`: time, level, logger, message; a message may have further lines.
_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) \S+ (?P<message>.*)")
# What a log holds is not trusted: longer messages are cut, further ones left out.
LONGEST, MOST = 400, 20


def read_log(path: Path) -> dict[str, int]:
    """Return the warnings and errors in a log, and how often each is in it.

    A run that was resumed logs some of them again.

    # Parameters

    path : of `out.log`, which may be missing.
    """
    if not path.is_file():
        return {}
    found: dict[str, int] = {}
    is_warning, message = False, ""

    def end() -> None:
        if is_warning and (message in found or len(found) < MOST):
            found[message] = found.get(message, 0) + 1

    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = _LINE.fullmatch(line.rstrip("\n"))
            if match is None:
                message = f"{message} {line.strip()}"[:LONGEST]
                continue
            end()
            is_warning = match["level"] in ("WARNING", "ERROR", "CRITICAL")
            message = match["message"][:LONGEST]
    end()
    return found
