"""Limits against decompression bombs."""

# Weights hardly compress, vocabularies by a small factor.
MOST_INFLATION = 100
FREE_BYTES = 64 * 2**20
MOST_MEMBERS = 10_000
