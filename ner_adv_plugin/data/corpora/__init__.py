"""Corpora: audit, leakage and overlaps."""
