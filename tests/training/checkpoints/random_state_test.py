"""Random generators: seeds, and their state saved and restored."""

import io
import random

import numpy as np
import torch

from ner_adv_plugin.training.checkpoints.random_state import (
    random_state,
    seed_everything,
    set_random_state,
)


def sample() -> list[float]:
    # One normal sample each: generators compute them in pairs and keep the second one.
    of_python = [random.random(), random.gauss(0, 1)]
    return of_python + [
        np.random.random(),
        np.random.normal(),
        torch.rand(()).item(),
        torch.randn(3).sum().item(),
    ]


def test_round_trip_through_a_file() -> None:
    seed_everything(1, 2, 3)
    sample()
    file = io.BytesIO()
    torch.save(random_state(), file)
    expected = [sample() for _ in range(3)]
    seed_everything(9, 9, 9)
    file.seek(0)
    set_random_state(torch.load(file, weights_only=True))
    assert [sample() for _ in range(3)] == expected


def test_seeds() -> None:
    seed_everything(1, 2, 3)
    expected = [random.Random(1).random(), np.random.RandomState(2).random()]
    expected.append(torch.rand((), generator=torch.Generator().manual_seed(3)).item())
    assert [random.random(), np.random.random(), torch.rand(()).item()] == expected


def test_null_leaves_a_generator_unchanged() -> None:
    seed_everything(1, 2, 3)
    expected = sample()
    seed_everything(1, 2, 3)
    seed_everything(None, None, None)
    assert sample() == expected
