"""Checkpoints: the state that a resumed run needs."""
