"""Checkpoints: what a resumed run needs."""
