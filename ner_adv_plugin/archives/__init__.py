"""Archives: a trained model in one file, and how to load it.

The classes are imported on first use: a command that only names files of an archive starts without
torch.
"""

from typing import TYPE_CHECKING

from ner_adv_plugin.common.lazy import lazy_exports

if TYPE_CHECKING:
    from ner_adv_plugin.archives.archive import Archive, load_archive
    from ner_adv_plugin.archives.readers import Readers

__all__ = ["Archive", "Readers", "load_archive"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Archive": "ner_adv_plugin.archives.archive",
        "Readers": "ner_adv_plugin.archives.readers",
        "load_archive": "ner_adv_plugin.archives.archive",
    },
)
