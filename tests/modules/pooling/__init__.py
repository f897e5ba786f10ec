"""Tests of the poolings."""
