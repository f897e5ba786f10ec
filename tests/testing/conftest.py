"""As for models."""

from tests.models.conftest import embedded  # noqa: F401
