"""Single values: the numbers that tensors can hold."""

from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.registrable import Registrable
from tests.common.layers import error_of


class Weighted(Registrable):
    """Takes numbers in every form."""

    def __init__(
        self,
        scale: float = 1.0,
        steps: int | None = None,
        weights: Mapping[str, float] | None = None,
        rates: Sequence[float] = (),
    ) -> None:
        self.scale = torch.tensor(scale)
        self.steps = torch.tensor(steps or 0)


@pytest.mark.parametrize("number", [1e300, -3.5e38, inf, nan, 10**400])
def test_floats_that_no_tensor_holds(number: float) -> None:
    def expected(config: dict[str, Any], path: str) -> None:
        found, message = error_of(config, Weighted)
        assert found == path
        assert message.startswith("expected a number that float32 can hold, at most 3.4e38, found ")

    expected({"scale": number}, "scale")
    expected({"weights": {"a": 1, "b": number}}, "weights.b")
    expected({"rates": [1.0, number]}, "rates.1")


@pytest.mark.parametrize("number", [2**63, -(2**70), 10**30])
def test_whole_numbers_that_no_tensor_holds(number: int) -> None:
    message = f"expected a whole number of 64 bits, found {number}"
    assert error_of({"steps": number}, Weighted) == ("steps", message)


def test_the_largest_numbers_are_accepted() -> None:
    largest = torch.finfo(torch.float32).max
    most = torch.iinfo(torch.int64).max
    made = construct(Weighted, {"scale": largest, "rates": [-largest], "steps": most})
    assert (made.scale.item(), made.steps.item()) == (largest, most)
