"""Publishing: model cards, and uploads of trained models to hubs."""

from ner_adv_plugin.publishing.push import Publication, publish

__all__ = ["Publication", "publish"]
