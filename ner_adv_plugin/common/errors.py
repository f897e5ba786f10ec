"""Errors that a user can fix: the command line prints their message and exits with status 2."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """An error in a config, a file or a flag; the message says what to change."""


class ConfigurationError(UserError):
    """A wrong setting in a config.

    # Parameters

    message : the value found and what is accepted.
    path : the dotted path in the config, such as `model.heads.msra.type`; empty for the whole
        config.
    absolute : `path` starts at the root of the config, even if the error is raised by a component.
    """

    def __init__(self, message: str, path: str = "", absolute: bool = False) -> None:
        self.message = message
        self.path = path
        self.absolute = absolute
        super().__init__(f"{path}: {message}" if path else message)


@contextmanager
def below(path: str) -> Iterator[None]:
    """Prefix a component's path to the path of a `ConfigurationError` raised in the block.

    Paths that are `absolute` or already start with `path` are kept.

    # Parameters

    path : the path of the component whose constructor or hook is called in the block.
    """
    try:
        yield
    except ConfigurationError as error:
        is_below = error.path == path or error.path.startswith(f"{path}.")
        if path and not error.absolute and not is_below:
            raise ConfigurationError(error.message, joined(path, error.path)) from error
        raise


def joined(path: str, key: str) -> str:
    """Return the config path of `key` below `path`; either may be empty."""
    return f"{path}.{key}" if path and key else path or key


class DataError(UserError):
    """A corpus file that is not in the format of its reader.

    # Parameters

    file_path : the file.
    line : 1-based line number, or None for the whole file.
    found : the content found; its `repr` is shown, shortened to 120 characters.
    expected : what the reader accepts.

    # Attributes

    reason : the message without the place.
    """

    def __init__(
        self, file_path: str | Path, line: int | None, found: object, expected: str
    ) -> None:
        self.file_path = str(file_path)
        self.line = line
        location = self.file_path if line is None else f"{self.file_path}:{line}"
        shown = repr(found)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        self.reason = f"found {shown}, expected {expected}"
        super().__init__(f"{location}: {self.reason}")


def nearest_file(path: Path) -> str:
    """Return a hint about a missing file: the first missing parent folder, or the nearest name."""
    missing = next((folder for folder in reversed(path.parents) if not folder.is_dir()), None)
    if missing is not None:
        return f' There is no folder "{missing}".'
    return nearest(path.name, [sibling.name for sibling in path.parent.iterdir()])


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that is most similar to `name`.

    # Parameters

    name : the unknown name.
    known : the known names.

    # Returns

    A sentence that starts with a space, or the empty string if no known name is similar.

    # Examples

    >>> nearest("lsmt", ["gru", "lstm"])
    ' Did you mean "lstm"?'
    """
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)

    return f' Did you mean "{by_lower[matches[0]]}"?' if matches else ""
