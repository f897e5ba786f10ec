"""Archives: a trained model in one file, and how to load it."""

from ner_adv_plugin.archives.archive import Archive, load_archive
from ner_adv_plugin.archives.readers import Readers

__all__ = ["Archive", "Readers", "load_archive"]
