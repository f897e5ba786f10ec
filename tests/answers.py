"""Comparison of predictions."""

from collections.abc import Sequence
from typing import Any

import pytest


def assert_same_answers(
    answers: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]
) -> None:
    """Assert that predictions are equal, with scores up to rounding.

    The order of operations depends on the batch size.
    """
    assert [_without_scores(answer) for answer in answers] == [
        _without_scores(other) for other in others
    ]
    scores, expected = (
        [entity["score"] for answer in own for entity in answer.get("entities", ())]
        for own in (answers, others)
    )
    assert scores == pytest.approx(expected, abs=1e-4)


def _without_scores(answer: dict[str, Any]) -> dict[str, Any]:
    if "entities" not in answer:
        return answer
    bare = [
        {key: value for key, value in entity.items() if key != "score"}
        for entity in answer["entities"]
    ]
    return {**answer, "entities": bare}
