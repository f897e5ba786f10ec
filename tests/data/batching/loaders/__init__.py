"""Tests of the data loaders."""
