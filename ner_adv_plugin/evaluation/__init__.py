"""Evaluation: scores of predicted spans."""
