"""Tests of the foundations of the package."""
