"""Multi-task and adversarial transfer learning for Chinese named entity recognition, driven by configs."""

__version__ = "0.2.0"
