"""Using trained models."""

from ner_adv_plugin.prediction.archive import Archive, load_archive
from ner_adv_plugin.prediction.predictor import Predictor
from ner_adv_plugin.prediction.tagger import Tagger

__all__ = ["Archive", "Predictor", "Tagger", "load_archive"]
