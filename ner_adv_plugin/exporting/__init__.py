"""Export of trained models to ONNX, for prediction without torch."""

from ner_adv_plugin.exporting.export import check_folder, export_archive

__all__ = ["check_folder", "export_archive"]
