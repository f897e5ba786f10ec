"""Checks for the tests of models, those of this package and those of plugins."""

from ner_adv_plugin.testing.model_test_case import ModelTestCase, MultiTaskModelTestCase

__all__ = ["ModelTestCase", "MultiTaskModelTestCase"]
