"""Configs of several stages: the whole config of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, below, nearest
from ner_adv_plugin.common.overrides import with_overrides

STAGES, INITIALIZER = "stages", "initializer"
# Keys of a stage that are not overrides.
NAME, DATASETS, WEIGHTS = "name", "datasets", "weights"
BEST_OR_LAST = ("best", "last")


@dataclass(frozen=True)
class Stage:
    """One stage of a config.

    # Parameters

    name : its name.
    config : its whole config.
    weights : which of its weights the next stage starts with, "best" or "last".
    """

    name: str
    config: dict[str, Any]
    weights: str = "best"


def has_stages(config: Mapping[str, Any]) -> bool:
    """Return whether a config has stages."""
    return config.get(STAGES) is not None


def config_of_model(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config by which the model of a run is built: the last stage's, if it has stages.

    # Examples

    >>> config_of_model({"trainer": {"num_epochs": 3}})
    {'trainer': {'num_epochs': 3}}
    >>> stages = [{"name": "one"}, {"name": "two", "trainer": {"num_epochs": 5}}]
    >>> config_of_model({"trainer": {"num_epochs": 3}, "stages": stages})
    {'trainer': {'num_epochs': 5}}
    """
    return stages_of(config)[-1].config if has_stages(config) else _moved(config)


def with_last_stage(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with overrides of its last stage, or of a config without stages.

    # Parameters

    config : the config.
    overrides : values by key, see `with_overrides`. They take precedence over those of the stage.
    """
    if not has_stages(config):
        return with_overrides(dict(config), overrides)
    *earlier, last = config[STAGES]
    kept = {key: value for key, value in last.items() if key not in overrides}
    return {**config, STAGES: [*earlier, {**kept, **overrides}]}


def stages_of(config: Mapping[str, Any]) -> list[Stage]:
    """Return the stages of a config, each with its whole config.

    A stage overrides the keys beside `stages`. `datasets` limits training and validation to some of
    the datasets. An `initializer` beside `stages` sets the weights before the first stage; test
    sets are scored after the last one.

    # Parameters

    config : a config with stages.

    # Raises

    ConfigurationError : if names are missing or repeated, a stage has stages itself, or a dataset
        has no training path.
    """
    settings = config[STAGES]
    _check(settings)
    base = _moved({key: value for key, value in config.items() if key != STAGES})

    found = []
    for index, own in enumerate(settings):
        overrides = {k: v for k, v in _moved(own).items() if k not in (NAME, DATASETS, WEIGHTS)}
        kept = base if index == 0 else {k: v for k, v in base.items() if k != INITIALIZER}
        with below(f"{STAGES}.{index}"):
            merged = with_overrides(kept, overrides)
            if own.get(DATASETS) is not None:
                merged = _limited(merged, own[DATASETS])
        if index + 1 < len(settings) and "evaluate_on_test" not in overrides:
            merged["evaluate_on_test"] = False
        found.append(Stage(own[NAME], merged, own.get(WEIGHTS, "best")))
    return found


def _check(settings: Any) -> None:
    """Check the keys of stages that are not overrides."""
    if not isinstance(settings, list) or not settings:
        raise ConfigurationError(f"expected a list of stages, found {settings!r}", STAGES)
    names: list[str] = []
    for index, own in enumerate(settings):
        path = f"{STAGES}.{index}"
        if not isinstance(own, dict):
            raise ConfigurationError(f"expected an object, found {own!r}", path)
        if has_stages(own):
            raise ConfigurationError(
                f'a stage has no stages itself: list them one after the other in "{STAGES}"',
                f"{path}.{STAGES}",
            )
        name = own.get(NAME)
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigurationError(
                f"expected letters, digits, - and _, as it names a folder, found {name!r}",
                f"{path}.{NAME}",
            )
        if name in names:
            raise ConfigurationError(f'another stage is also named "{name}"', f"{path}.{NAME}")
        names.append(name)
        if own.get(WEIGHTS, "best") not in BEST_OR_LAST:
            raise ConfigurationError(
                f'expected "best" or "last", found {own[WEIGHTS]!r}', f"{path}.{WEIGHTS}"
            )


def _limited(config: dict[str, Any], datasets: Any) -> dict[str, Any]:
    """Return a config that trains on and validates some of its datasets only."""
    train = config.get("train_data_path")
    if not isinstance(train, dict):
        raise ConfigurationError("needs an object of paths in train_data_path", DATASETS)
    if not isinstance(datasets, list) or not datasets:
        raise ConfigurationError(
            f"expected a list of names of datasets, found {datasets!r}", DATASETS
        )
    for index, name in enumerate(datasets):
        if not isinstance(name, str) or name not in train:
            raise ConfigurationError(
                f"no train_data_path of a dataset {name!r}.{nearest(str(name), train)}"
                f" Datasets: {', '.join(train)}.",
                f"{DATASETS}.{index}",
            )

    limited = dict(config)
    for key in ("train_data_path", "validation_data_path"):
        if isinstance(config.get(key), dict):
            limited[key] = {name: path for name, path in config[key].items() if name in datasets}
    if not limited.get("validation_data_path"):
        limited.pop("validation_data_path", None)
    loader = config.get("data_loader")
    if isinstance(loader, dict) and isinstance(loader.get("subset"), dict):
        subset = {name: size for name, size in loader["subset"].items() if name in datasets}
        rest = {key: value for key, value in loader.items() if key != "subset"}
        limited["data_loader"] = {**rest, "subset": subset} if subset else rest
    return limited


def _moved(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the initializer beside the model; AllenNLP has it inside."""
    model = config.get("model")
    if not isinstance(model, Mapping) or INITIALIZER not in model or INITIALIZER in config:
        return dict(config)
    rest = {key: value for key, value in model.items() if key != INITIALIZER}
    return {**config, "model": rest, INITIALIZER: model[INITIALIZER]}
