"""Errors that a user can act on: the command line prints their message and exits with status 2."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something outside the program (a config, a file, a flag) is wrong; the message says what to change."""


class ConfigurationError(UserError):
    """A setting is wrong.

    # Parameters

    message : what stood there and what is accepted.
    path : where in the config, dotted, such as `model.heads.msra.type`; empty for the whole.
    absolute : a constructor raises it for a place outside of its own component, counted from the config's root.
    """

    def __init__(self, message: str, path: str = "", absolute: bool = False) -> None:
        self.message = message
        self.path = path
        self.absolute = absolute
        super().__init__(f"{path}: {message}" if path else message)


@contextmanager
def below(path: str) -> Iterator[None]:
    """Put a component's path before those of its errors, unless they are `absolute` or below it.

    # Parameters

    path : of the component whose constructor or hook is called inside.
    """
    try:
        yield
    except ConfigurationError as error:
        if (
            path
            and not error.absolute
            and error.path != path
            and not error.path.startswith(f"{path}.")
        ):
            raise ConfigurationError(error.message, joined(path, error.path)) from error
        raise


def joined(path: str, key: str) -> str:
    """The path in the config of a key below `path`; either may be empty."""
    return f"{path}.{key}" if path and key else path or key


class DataError(UserError):
    """A corpus file cannot be read as what it was declared to be.

    # Parameters

    file_path : the file.
    line : 1-based line number, or None where the whole file is meant.
    found : what stood there, shown as Python writes it, shortened.
    expected : what the reader would have taken.
    """

    def __init__(
        self, file_path: str | Path, line: int | None, found: object, expected: str
    ) -> None:
        self.file_path = str(file_path)
        self.line = line
        place = self.file_path if line is None else f"{self.file_path}:{line}"
        shown = repr(found)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        super().__init__(f"{place}: found {shown}, expected {expected}")


def nearest_file(path: Path) -> str:
    """What to say of a file that is not there: the first folder above it that is missing, or the nearest name."""
    missing = next((folder for folder in reversed(path.parents) if not folder.is_dir()), None)
    if missing is not None:
        return f' There is no folder "{missing}".'
    return nearest(path.name, [beside.name for beside in path.parent.iterdir()])


def nearest(name: str, known: Iterable[str]) -> str:
    """The sentence ` Did you mean "lstm"?`, or nothing where no known name is near."""
    import difflib

    by_folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.5)
    return f' Did you mean "{by_folded[near[0]]}"?' if near else ""
