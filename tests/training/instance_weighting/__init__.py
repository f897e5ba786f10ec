"""Tests of instance weighting."""
