"""A trained model as a single file, to be copied elsewhere."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.archives.writing import (
    ARCHIVE,
    CONFIG,
    EXTRA,
    META,
    VOCABULARY,
    WEIGHTS,
    pack,
)
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import local_path


@contextlib.contextmanager
def single_file(path: str | Path) -> Iterator[Path]:
    """Yield the `model.tar.gz` of an archive, an unpacked archive or a run.

    # Parameters

    path : `model.tar.gz`, its URL, the folder of a run, or a folder with the content of an archive.

    # Returns

    A context manager that yields the file, which may be temporary and is not to be changed.

    # Raises

    UserError : if there is no archive, it is damaged, or the run has not finished.
    """
    source = local_path(path)
    if source.is_dir() and (source / ARCHIVE).is_file():
        source = source / ARCHIVE
    with opened(source) as folder:
        if not source.is_dir():
            yield source
            return

        missing = [name for name in (CONFIG, META, WEIGHTS) if not (folder / name).is_file()]
        if missing:
            raise UserError(
                f"{path} has neither {ARCHIVE} nor {missing[0]}: expected the folder of a finished "
                "run, or an unpacked archive"
            )
        names = [
            name for name in (CONFIG, META, WEIGHTS, VOCABULARY, EXTRA) if (folder / name).exists()
        ]
        with tempfile.TemporaryDirectory(prefix="ner_adv_plugin-") as temporary:
            target = Path(temporary) / ARCHIVE
            pack(target, [(folder / name, name) for name in names])
            yield target
