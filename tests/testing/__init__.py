"""Tests of the base classes for tests."""
