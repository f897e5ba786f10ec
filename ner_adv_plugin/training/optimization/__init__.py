"""Optimizers, learning-rate schedulers and moving averages of the weights."""
