"""Models are tested on the embedded corpora and encoder, whatever the environment names."""

import pytest


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the configs' variables to their defaults."""
    for variable in ("NER_DATA", "NER_ENCODER", "NER_SEED"):
        monkeypatch.delenv(variable, raising=False)
