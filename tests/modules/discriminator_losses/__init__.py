"""Tests of the losses of discriminators."""
