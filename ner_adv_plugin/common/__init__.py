"""Foundations that every other room uses: registry, config binding, errors, files, logging."""
