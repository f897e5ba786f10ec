"""Tests of models use the corpora and the encoder in `fixtures/`."""

import pytest


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the variables of configs to their defaults."""
    for variable in ("NER_DATA", "NER_ENCODER", "NER_SEED"):
        monkeypatch.delenv(variable, raising=False)
