"""Fixtures of the tests of models."""

from tests.models.conftest import embedded  # noqa: F401
