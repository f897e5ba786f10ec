"""Inference: what trained models say of text."""

from ner_adv_plugin.inference.predictor import Predictor
from ner_adv_plugin.inference.tagger import Tagger

__all__ = ["Predictor", "Tagger"]
