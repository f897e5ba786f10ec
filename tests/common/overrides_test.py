from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.overrides import with_overrides


def config() -> dict[str, Any]:
    return {
        "trainer": {
            "optimizer": {"type": "adam", "lr": 0.1},
            "callbacks": ["console", {"type": "tensorboard"}],
        },
        "model": {
            "type": "adversarial",
            "objectives": [{"weight": 1}, {"weight": 2, "reads": ["shared"]}],
        },
        "train_data_path": "train",
        "num": 3,
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"num": 4}, {"num": 4}),
        ({"new": 1}, {"new": 1}),
        ({"nothing.a.b": 1}, {"nothing": {"a": {"b": 1}}}),
        ({"train_data_path": {"weibo": "w"}}, {"train_data_path": {"weibo": "w"}}),
        ({"train_data_path": None}, {"train_data_path": None}),
        ({"model": "crf_tagger"}, {"model": "crf_tagger"}),
        ({"model": {"type": "crf_tagger"}}, {"model": {"type": "crf_tagger"}}),
        ({"model": {}}, {}),
    ],
)
def test_overrides_of_top_level_keys(overrides: dict[str, Any], expected: dict[str, Any]) -> None:
    assert with_overrides(config(), overrides) == {**config(), **expected}


@pytest.mark.parametrize(
    "overrides",
    [
        {"trainer.optimizer.lr": 0.2},
        {"trainer": {"optimizer": {"lr": 0.2}}},
        {"trainer": {"optimizer.lr": 0.2}},
        {"trainer.optimizer": {"lr": 0.2}},
        {"trainer.optimizer": {"type": "adam", "lr": 0.2}},
    ],
)
def test_one_override_in_every_spelling(overrides: dict[str, Any]) -> None:
    expected = config()
    expected["trainer"]["optimizer"]["lr"] = 0.2
    assert with_overrides(config(), overrides) == expected


def test_another_type_replaces() -> None:
    laid = with_overrides(config(), {"trainer": {"optimizer": {"type": "sgd", "momentum": 0.9}}})
    assert laid["trainer"] == {**config()["trainer"], "optimizer": {"type": "sgd", "momentum": 0.9}}
    typeless = with_overrides({"a": {"b": 1}}, {"a": {"type": "x"}})
    assert typeless == {"a": {"type": "x"}}


def test_list_indexes() -> None:
    laid = with_overrides(
        config(), {"model.objectives.1.weight": 5, "trainer": {"callbacks.0": "wandb"}}
    )
    assert laid["model"]["objectives"] == [{"weight": 1}, {"weight": 5, "reads": ["shared"]}]
    assert laid["trainer"]["callbacks"] == ["wandb", {"type": "tensorboard"}]
    whole = with_overrides(config(), {"model.objectives": []})
    assert whole["model"] == {"type": "adversarial", "objectives": []}


def test_setting_inside_a_component_in_short_form() -> None:
    laid = with_overrides(config(), {"trainer.callbacks.0.every": 3})
    assert laid["trainer"]["callbacks"][0] == {"type": "console", "every": 3}
    assert with_overrides({"encoder": "lstm"}, {"encoder.hidden_size": 8}) == {
        "encoder": {"type": "lstm", "hidden_size": 8}
    }


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("model.objectives.2.weight", '"2" is not an index of a list of 2'),
        ("model.objectives.2", '"2" is not an index of a list of 2'),
        ("model.objectives.-1.weight", '"-1" is not an index of a list of 2'),
        ("model.objectives.first", '"first" is not an index of a list of 2'),
        ("model.objectives.².weight", '"²" is not an index of a list of 2'),
        ("num.digits", 'cannot set "digits" inside 3'),
        ("model.objectives.0.weight.x", 'cannot set "x" inside 1'),
    ],
)
def test_override_with_a_wrong_path(key: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        with_overrides(config(), {key: 1})
    assert (error.value.path, error.value.message) == (key, message)


def test_a_path_is_no_object_of_paths() -> None:
    with pytest.raises(ConfigurationError, match='inside the path "a.bio": override the whole key'):
        with_overrides({"train_data_path": "a.bio"}, {"train_data_path.weibo": "b.bio"})


def test_path_of_a_wrong_override_inside_an_object() -> None:
    with pytest.raises(ConfigurationError) as error:
        with_overrides(config(), {"model": {"objectives.7.weight": 1}})
    assert error.value.path == "model.objectives.7.weight"


def test_overrides_do_not_modify_the_config() -> None:
    given, overrides = config(), {"model": {"objectives.0": {"weight": 9}}, "num": [1]}
    laid = with_overrides(given, overrides)
    assert given == config()
    assert laid["model"]["objectives"][0] == {"weight": 9}
    assert overrides == {"model": {"objectives.0": {"weight": 9}}, "num": [1]}
