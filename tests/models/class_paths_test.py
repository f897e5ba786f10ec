"""Components that a config names by the path of their class are those of the registered name."""

from collections.abc import Mapping
from typing import Any

import pytest

from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.label_spaces import dataset_spaces, heads_of
from ner_adv_plugin.models import Model, SharingModel
from ner_adv_plugin.models.prediction_config import config_of_prediction
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.foreseen import foreseen_memory
from tests.tiny import ROOT

FIXTURES = sorted((ROOT / "fixtures/configs").glob("*.jsonnet"))


def by_path(base: type, config: Any) -> dict[str, Any]:
    own = class_of(base, config)
    assert own is not None
    keys = {} if isinstance(config, str) else config
    return {**keys, "type": f"{own.__module__}.{own.__qualname__}"}


def model_by_path(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a model with class paths instead of names."""
    changed = by_path(Model, model)
    if model.get("head"):
        changed["head"] = by_path(Head, model["head"])
    changed["heads"] = {
        name: by_path(Head, own) for name, own in (model.get("heads") or {}).items()
    }
    if model.get("objectives"):
        changed["objectives"] = [by_path(Objective, own) for own in model["objectives"]]
    return {key: value for key, value in changed.items() if value or key in model}


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_class_path_is_the_registered_component(path: Any) -> None:
    if path.stem == "aggregated":
        pytest.importorskip("torchjd")
    config = load_config(path)
    if "stages" in config:
        pytest.skip("each stage has a config of its own")
    job = checked_job(config)
    other = checked_job({**config, "model": model_by_path(config["model"])})
    assert other.filled["model"]["type"] != job.filled["model"]["type"]
    assert foreseen_memory(other) == foreseen_memory(job)

    heads = {head: "" for head in heads_of(dataset_spaces(job.sources.reader.readers))}
    graphs = []
    for own in (job, other):
        model = class_of(Model, own.filled["model"])
        assert model is not None and issubclass(model, SharingModel)
        graphs.append(model.planned_graph(heads, own.filled["model"]))
        prediction = config_of_prediction(own.filled["model"], [next(iter(heads))])
        assert not prediction.get("objectives") and len(prediction.get("heads") or "1") == 1
    assert graphs[0] == graphs[1]


def test_names_of_no_component_have_no_class() -> None:
    for name in ("corf", "no.such.Head", "pathlib.Path", 3):
        assert class_of(Head, {"type": name}) is None
    assert class_of(Objective, {}) is None
    assert class_of(Head, {}) is class_of(Head, "crf")
