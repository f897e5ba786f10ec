"""Corpora that annotate different types, trained, archived and evaluated with one head."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.train_job import train_model
from tests.commands.conftest import Run
from tests.tiny import DATA, tiny_config

TYPES = ["LOC", "ORG", "PER"]


def shared_head_config(**overrides: Any) -> dict[str, Any]:
    """Return a config of all types of Weibo and names of MSRA on one head."""
    config = tiny_config(
        model__type="hard_sharing", trainer__validation_metric="+entities_f1", **overrides
    )
    names = {f"{name}.NAM": name for name in TYPES}
    readers = config["dataset_reader"]["readers"]
    del readers["msr"], config["train_data_path"]["msr"]
    readers["weibo"] |= {"head": "entities", "type_map": {**names, "GPE.NAM": "LOC"}}
    readers["msra"] |= {"head": "entities", "annotated_types": TYPES}
    config["validation_data_path"]["msra"] = str(DATA / "msra" / "test.bio")
    return config


def test_trains_scores_and_predicts(tmp_path: Path, run: Run) -> None:
    config = shared_head_config(trainer__num_epochs=4)
    metrics = train_model(config, tmp_path / "trained")
    archive = load_archive(tmp_path / "trained" / "model.tar.gz")
    space = archive.model.vocab.label_space("entities")
    assert set(space.types) >= {*TYPES, "PER.NOM", "GPE.NOM"}
    assert space.annotated_types == {"msra": TYPES}
    assert {space.types[i] for i in space.unannotated("msra")} == {
        name for name in space.types if "." in name
    }
    assert space.unannotated("weibo") == []
    assert 0 < metrics["training_entities_loss"] < 2
    assert "validation_entities_msra_f1" in metrics
    result = run(
        "evaluate",
        tmp_path / "trained",
        json.dumps({"msra": str(DATA / "msra" / "test.bio")}),
        "--verify",
    )
    assert result.status == 0 and ": verified" in result.out


def test_a_head_without_partial_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="type: PytorchCrfHead does not learn partial labels"
    ):
        train_model(shared_head_config(model__head={"type": "pytorch_crf"}), tmp_path / "trained")
