"""Runs: what one training run is, from config to archive."""
