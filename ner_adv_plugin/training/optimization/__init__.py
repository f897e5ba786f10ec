"""Optimization: optimizers, learning rates and averages."""
