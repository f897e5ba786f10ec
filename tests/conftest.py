"""Settings of all tests."""

from pathlib import Path

import pytest
import torch

import ner_adv_plugin.components  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# One thread a process: several test processes then share the cores without waiting for one another.
torch.set_num_threads(1)


@pytest.fixture
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture
def fixture_data(root: Path) -> Path:
    """The embedded corpora."""
    return root / "fixtures" / "data"


@pytest.fixture
def fixture_encoder(root: Path) -> Path:
    """The embedded encoder."""
    return root / "fixtures" / "encoder"


@pytest.fixture
def shared() -> Path:
    """Real corpora and encoders, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip("real corpora and encoders are not at hand (../shared)")
    return SHARED
