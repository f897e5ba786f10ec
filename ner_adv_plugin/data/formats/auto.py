"""Recognition of the format of a file by its content."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head
from ner_adv_plugin.data.formats.huggingface import HUB
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.json_formats import listed

logger = logging.getLogger(__name__)

AUTO = "auto"
# The first line of a file as an error shows it.
_SHOWN = 60


@CorpusFormat.register(AUTO)
@dataclass(kw_only=True)
class AutoFormat(CorpusFormat):
    """The format that the content of a file has, which is logged. Registered as "auto".

    # Raises

    DataError : if no format, or more than one, fits; the message says what the file holds.

    # Example

    ```jsonnet
    { type: 'auto' }
    ```
    """

    def read(self, file: CorpusFile) -> Iterable[Instance]:
        """See `CorpusFormat.read`."""
        name, reason = recognised(file.path)
        logger.info("%s: format %s, as %s", file.path, name, reason)
        chosen = CorpusFormat.by_name(name)()
        return chosen.read(file)

    def files_beside(self, path: str) -> Sequence[Path]:
        """See `CorpusFormat.files_beside`."""
        chosen: CorpusFormat = CorpusFormat.by_name(recognised(path)[0])()
        return chosen.files_beside(path)


def recognised(path: str) -> tuple[str, str]:
    """Return the name of the format of a file or folder, and why it was recognised.

    # Raises

    DataError : if no format, or more than one, fits.

    # Examples

    >>> recognised("fixtures/data/cluener/dev.json")[0]
    'cluener'
    """
    if path.startswith(HUB):
        return "huggingface", f"the path begins with {HUB}"
    head = Head(path)
    if not head.local.exists():
        raise DataError(path, None, "no such file", "an existing corpus")
    fitting = {}
    for name in CorpusFormat.list_available():
        reason = _class_of(name).recognises(head)
        if reason is not None:
            fitting[name] = reason
    if len(fitting) == 1:
        return next(iter(fitting.items()))

    readable = [name for name in CorpusFormat.list_available() if _class_of(name).is_readable]
    known = ", ".join(sorted(set(readable) - {AUTO}))
    if not fitting:
        raise DataError(path, None, _seen(head), f"one of the formats {known}")
    both = "; ".join(f"{name}: {reason}" for name, reason in fitting.items())
    raise DataError(path, None, f"several formats fit ({both})", "the name of one as format")


def _class_of(name: str) -> type[CorpusFormat]:
    found = CorpusFormat.by_name(name)
    assert isinstance(found, type)
    return found


def _seen(head: Head) -> str:
    """Say what a file of no known format holds."""
    if head.local.is_dir():
        files = sorted(path.name for path in head.local.iterdir())
        return f"a folder with {listed(files)}" if files else "an empty folder"
    if not head.data:
        return "an empty file"
    if head.objects:
        return f"JSON objects with the keys {listed(head.objects[0])}"
    if head.records:
        first = json.dumps(head.records[0], ensure_ascii=False)
        return f"JSON that begins with {first[:_SHOWN]}"
    if not head.lines:
        return "blank lines"
    return f"text that begins with {head.lines[0][:_SHOWN]}"
