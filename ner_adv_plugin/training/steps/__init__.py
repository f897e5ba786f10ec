"""Training steps: forward and backward of one global batch."""
