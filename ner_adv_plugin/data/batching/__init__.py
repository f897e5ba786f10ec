"""Batching: from encoded datasets to planned batches."""
