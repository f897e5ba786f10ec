"""Prediction without torch: with onnxruntime, numpy and tokenizers only."""

from ner_adv_plugin.runtime.predictor import Predictor

__all__ = ["Predictor"]
