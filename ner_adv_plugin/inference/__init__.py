"""Inference: predictions of trained models."""

from ner_adv_plugin.inference.distillation import Distillation
from ner_adv_plugin.inference.ensemble import Ensemble
from ner_adv_plugin.inference.predictor import Predictor
from ner_adv_plugin.inference.segmenter import ArchiveSegmenter
from ner_adv_plugin.inference.tagger import Tagger

__all__ = ["ArchiveSegmenter", "Distillation", "Ensemble", "Predictor", "Tagger"]
