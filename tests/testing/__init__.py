"""Tests of the base classes of tests."""
