from typing import Any

import pytest

from ner_adv_plugin.common.differences import all_differences
from ner_adv_plugin.common.overrides import with_overrides
from tests.common.overrides_test import config


@pytest.mark.parametrize(
    ("after", "difference"),
    [
        ({}, None),
        ({"num": 4}, ("num", 3, 4)),
        ({"new": 1}, ("new", None, 1)),
        ({"trainer.optimizer.lr": 0.2}, ("trainer.optimizer.lr", 0.1, 0.2)),
        ({"model.objectives.1.reads": []}, ("model.objectives.1.reads", ["shared"], [])),
        ({"model": "crf_tagger"}, ("model", config()["model"], "crf_tagger")),
    ],
)
def test_differences(after: dict[str, Any], difference: tuple[str, Any, Any] | None) -> None:
    found = list(all_differences(config(), with_overrides(config(), after)))
    assert found == [difference] * (difference is not None)


def test_every_difference_is_found() -> None:
    after = with_overrides(config(), {"num": 4, "trainer.optimizer.lr": 0.2})
    assert {path for path, _, _ in all_differences(config(), after)} == {
        "num",
        "trainer.optimizer.lr",
    }
