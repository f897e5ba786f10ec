"""Targets of each class, split into sentences."""

import numpy as np
import pytest

from ner_adv_plugin.data.batching.targets import PerCharacter, PerSentence, PerSpan

OFFSETS = np.array([0, 2, 2, 5])


def test_targets_per_sentence() -> None:
    values = np.arange(3)
    assert [PerSentence(values).of(i, OFFSETS).tolist() for i in range(3)] == [0, 1, 2]
    arrays = np.arange(6).reshape(3, 2)
    assert [PerSentence(arrays).of(i, OFFSETS).tolist() for i in range(3)] == [
        [0, 1],
        [2, 3],
        [4, 5],
    ]


def test_targets_per_character() -> None:
    target = PerCharacter(np.arange(5))
    assert [target.of(i, OFFSETS).tolist() for i in range(3)] == [[0, 1], [], [2, 3, 4]]


@pytest.mark.parametrize("shape", [(), (2,)])
def test_targets_per_span(shape: tuple[int, ...]) -> None:
    values = np.arange(4 * int(np.prod(shape))).reshape(4, *shape)
    target = PerSpan(values, np.array([1, 0, 3]))
    assert [target.of(i, OFFSETS).tolist() for i in range(3)] == [
        values[:1].tolist(),
        [],
        values[1:].tolist(),
    ]
