"""Base classes for tests of models, in this package and in plugins."""

from ner_adv_plugin.testing.model_test_case import ModelTestCase, MultiTaskModelTestCase

__all__ = ["ModelTestCase", "MultiTaskModelTestCase"]
