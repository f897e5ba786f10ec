"""Training steps: forward and backward passes of one global batch."""
