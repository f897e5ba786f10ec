"""Tests of the training half."""
