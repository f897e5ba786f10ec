"""Archives: a trained model in one file, and how to load it."""

from ner_adv_plugin.archives.archive import Archive, load_archive

__all__ = ["Archive", "load_archive"]
