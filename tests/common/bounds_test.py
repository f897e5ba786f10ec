import math

import pytest

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.errors import ConfigurationError


@pytest.mark.parametrize("value", [1, 1.0, 7, math.inf, None])
def test_a_value_within_the_bound_is_returned(value: float | None) -> None:
    assert at_least(1, value, "size") is value
    assert above(0, value, "size") is value


@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan])
def test_a_value_beyond_the_bound_names_its_key(value: float) -> None:
    for bounded, expected in ((at_least, "1 or more"), (above, "more than 1")):
        with pytest.raises(ConfigurationError) as error:
            bounded(1, value, "sizes.weibo")
        assert error.value.path == "sizes.weibo"
        assert error.value.message == f"expected {expected}, found {value}"


def test_the_bound_itself() -> None:
    assert at_least(0, 0, "weight") == 0
    with pytest.raises(ConfigurationError, match="weight: expected more than 0, found 0"):
        above(0, 0, "weight")
