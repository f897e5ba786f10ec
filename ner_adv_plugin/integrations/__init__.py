"""Integrations: pipeline components of other libraries that use a trained model."""
