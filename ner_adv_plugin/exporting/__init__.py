"""Export of trained models to ONNX, for prediction without torch."""

from ner_adv_plugin.exporting.export import export_archive

__all__ = ["export_archive"]
