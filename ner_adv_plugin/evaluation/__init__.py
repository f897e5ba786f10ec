"""Evaluation: plain functions over spans."""
