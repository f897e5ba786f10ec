"""Runs: one training run from its config to its archive, and the audit of its corpora."""
