"""Removal of what a run has written, if it fails before its first step."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Leftovers:
    """What a folder held before a run, to tell what the run has added.

    # Parameters

    folder : the folder of the run.
    missing : the folder and its parents, as far as they did not exist, the innermost first.
    names : the names in the folder.

    # Examples

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     (Path(parent) / "mine.txt").touch()
    ...     leftovers = Leftovers.before(Path(parent))
    ...     (Path(parent) / "config.json").touch()
    ...     leftovers.remove()
    ...     [path.name for path in Path(parent).iterdir()]
    ['mine.txt']
    """

    folder: Path
    missing: tuple[Path, ...]
    names: frozenset[str]

    @classmethod
    def before(cls, folder: Path, emptied: bool = False) -> "Leftovers":
        """Look at a folder before a run.

        # Parameters

        folder : the folder, which need not exist.
        emptied : the run empties the folder.
        """
        missing = tuple(path for path in (folder, *folder.parents) if not path.exists())
        is_empty = emptied or not folder.is_dir()
        names = frozenset() if is_empty else frozenset(path.name for path in folder.iterdir())
        return cls(folder, missing, names)

    def remove(self) -> None:
        """Remove what has been added since; what cannot be removed stays."""
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if path.name in self.names:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            for path in self.missing:
                path.rmdir()
