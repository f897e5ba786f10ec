"""Config-driven multi-task and adversarial transfer learning for Chinese NER."""

__version__ = "0.2.0"
