"""Search spaces in configs."""

from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.studies.tuning.space import Choices, Range, SearchSpace
from tests.tiny import single_task_config

LR = "trainer.optimizer.lr"


def test_values_anywhere() -> None:
    config = {
        "rate": {"lo": 1e-4, "hi": 1e-2, "log": True},
        "layers": [{"size": {"lo": 1, "hi": 8}}, 3],
        "tower": {"choices": [{"type": "lstm"}, None, "gru"]},
        "groups": [["^encoder\\.", {"lr": {"lo": 0.0, "hi": 1}}]],
    }
    space = SearchSpace(config)
    assert space.values == {
        "rate": Range(1e-4, 1e-2, True),
        "layers.0.size": Range(1, 8),
        "tower": Choices(({"type": "lstm"}, None, "gru")),
        "groups.0.1.lr": Range(0.0, 1),
    }
    assert [getattr(value, "whole", None) for value in space.values.values()] == [
        *(False, True, None, False)
    ]
    values = {"rate": 0.1, "layers.0.size": 2, "tower": {"type": "lstm"}, "groups.0.1.lr": 0.5}
    filled = {
        "rate": 0.1,
        "layers": [{"size": 2}, 3],
        "tower": {"type": "lstm"},
        "groups": [["^encoder\\.", {"lr": 0.5}]],
    }
    assert space.filled(values) == {**filled, "evaluate_on_test": False}
    assert space.chosen(values) == filled


def test_a_dataset_may_be_called_hi() -> None:
    config = {
        "readers": {"hi": {"type": "weibo"}},
        "train_data_path": {"hi": "a.txt", "lo": "b.txt"},
        "weights": {"hi": 1, "weibo": 2},
        "rate": {"lo": 1, "hi": 2},
    }
    del config["train_data_path"]["lo"]
    assert list(SearchSpace(config).values) == ["rate"]


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"lo": 2, "hi": 1}, "a.0.hi", "expected more than lo, 2, found 1"),
        ({"lo": 1, "hi": 1}, "a.0.hi", "expected more than lo, 1, found 1"),
        ({"lo": 0, "hi": 1, "log": True}, "a.0.lo", "expected more than 0"),
        ({"lo": 1}, "a.0.hi", "expected a number, it is missing"),
        ({"lo": True, "hi": 2}, "a.0.lo", "expected a number, found true"),
        ({"lo": 1, "hi": "2"}, "a.0.hi", 'expected a number, found "2"'),
        ({"lo": 1, "hi": 2, "log": 1}, "a.0.log", "expected true or false"),
        ({"lo": 1, "hi": 2, "lgo": True}, "a.0", 'found the key "lgo"'),
        ({"choices": [1, 2], "log": True}, "a.0", 'found the key "log"'),
        ({"choices": [1]}, "a.0.choices", "expected a list of two or more different values"),
        ({"choices": [1, 1]}, "a.0.choices", "expected a list of two or more different values"),
        ({"choices": 3}, "a.0.choices", "expected a list of two or more different values"),
        ({"choices": [1, {"lo": 1, "hi": 2}]}, "a.0.choices.1", "a choice cannot have"),
    ],
)
def test_a_search_value_that_makes_no_sense(value: Any, path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        SearchSpace({"a": [value]})
    assert error.value.path == path
    assert message in error.value.message


def test_a_config_is_checked_with_all_ends_and_choices() -> None:
    with pytest.raises(ConfigurationError, match="no search space"):
        SearchSpace(single_task_config())
    job = SearchSpace(single_task_config(trainer__optimizer__lr={"lo": 0.01, "hi": 0.1})).check()
    assert job.evaluate_on_test is False
    for changes, path in [
        ({"trainer__num_epochs": {"choices": [3, 0]}}, "trainer.num_epochs"),
        ({"model__tower__hidden_size": {"lo": 1.5, "hi": 4}}, "model.tower.hidden_size"),
        (
            {"trainer__validation_metric": {"choices": ["+weibo_f1", "-loss"]}},
            "trainer.validation_metric",
        ),
    ]:
        with pytest.raises(ConfigurationError) as error:
            SearchSpace(single_task_config(**changes)).check()
        assert error.value.path == path
    config = single_task_config(trainer__optimizer__lr={"lo": 0.01, "hi": 0.1})
    del config["validation_data_path"], config["trainer"]["validation_metric"]
    with pytest.raises(ConfigurationError) as error:
        SearchSpace(config).check()
    assert error.value.path == "validation_data_path"
