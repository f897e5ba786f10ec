"""A served model of three tasks: entities (weibo, msra) and words (msr)."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.serving.app import create_app
from ner_adv_plugin.serving.models import ServedModel, load_models

with warnings.catch_warnings():
    # Starlette 1.10 asks for another client, which older versions do not know.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


@pytest.fixture(scope="session")
def served(tiny_run: Path) -> ServedModel:
    (model,) = load_models([f"tiny={tiny_run}"])
    return model


@pytest.fixture(scope="module")
def client(served: ServedModel) -> Iterator[TestClient]:
    with TestClient(create_app([served])) as client:
        yield client
