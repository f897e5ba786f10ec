"""Tests of loss weighting."""
