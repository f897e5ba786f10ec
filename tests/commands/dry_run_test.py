"""`train --dry-run` prints a whole config, which trains the same as the given one, bit for bit."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.completion import completed
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import LazyTower
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.steps.step import TrainingStep
from tests.commands.conftest import Run
from tests.tiny import ROOT, assert_same_weights, learnt, tiny_config, write_config

FIXTURES = sorted((ROOT / "fixtures" / "configs").glob("*.jsonnet"))
MAIN = sorted((ROOT / "training_configs").glob("*.jsonnet"))
# Keys of a model or trainer that name components.
COMPONENTS = ("tower", "head", "objectives", "loss_weighting")


def _short(config: dict[str, Any]) -> dict[str, Any]:
    """The config with few sentences and epochs; paths are those of the project."""
    readers = config["dataset_reader"].get("readers")
    paths = [f"dataset_reader.readers.{name}" for name in readers] if readers else None
    few = {f"{path}.max_instances": 12 for path in paths or ["dataset_reader"]}
    return with_overrides(config, {**few, "trainer.num_epochs": 2, "trainer.cuda_device": -1})


def _parameters() -> list[object]:
    needs = {"aggregated": "torchjd", "lexicon": "ahocorasick"}
    return [pytest.param(path, needs.get(path.stem), id=path.stem) for path in FIXTURES + MAIN]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "package"), _parameters())
def test_the_printed_config_trains_the_same(
    path: Path, package: str | None, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if package:
        pytest.importorskip(package)
    monkeypatch.chdir(ROOT)
    config = _short(load_config(path))
    given = write_config(tmp_path / "given.json", config)
    result = run("train", given, "--dry-run")
    assert result.status == 0
    (line,) = result.err.splitlines()
    assert line.startswith("peak memory foreseen: ")
    (tmp_path / "printed.jsonnet").write_text(result.out, encoding="utf-8")
    printed = load_config(tmp_path / "printed.jsonnet")
    assert printed == json.loads(result.out)

    one = train_model(config, tmp_path / "one")
    other = train_model(printed, tmp_path / "other")
    assert learnt(one) == learnt(other)
    assert_same_weights(tmp_path / "one" / "best.th", tmp_path / "other" / "best.th")
    last = sorted((tmp_path / "one" / "checkpoints").glob("model_state_*"))[-1].name
    assert_same_weights(
        tmp_path / "one" / "checkpoints" / last, tmp_path / "other" / "checkpoints" / last
    )
    # Complete: it is printed as it is.
    again = run("train", tmp_path / "printed.jsonnet", "--dry-run")
    assert json.loads(again.out) == printed


@pytest.mark.parametrize("path", FIXTURES + MAIN, ids=lambda path: path.stem)
def test_no_component_is_null(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    if needed := {"aggregated": "torchjd", "lexicon": "ahocorasick"}.get(path.stem):
        pytest.importorskip(needed)
    monkeypatch.chdir(ROOT)
    printed = json.loads(run("train", path, "--dry-run").out)
    for whole in printed.get("stages") or [printed]:
        for key in COMPONENTS:
            assert whole["model"].get(key, "not a key") is not None, key
        for key in ("optimizer", "step", "checkpointer"):
            assert whole["trainer"][key]["type"]
        assert whole["data_loader"]["scheduler"]["type"]
        assert whole["data_loader"]["sampler"]["type"]
        for objective in whole["model"].get("objectives", []):
            for key in ("loss", "pooling", "reversal", "schedule"):
                assert objective.get(key, "not a key") is not None, (objective["type"], key)


def test_a_bare_adversarial_model_shows_its_discriminator(run: Run, tmp_path: Path) -> None:
    config = tiny_config()
    config["model"] = {"type": "adversarial", "encoder": {"type": "character_embedding"}}
    config["data_loader"] = {"batch_size": 7}
    whole = json.loads(run("train", write_config(tmp_path / "c.json", config), "--dry-run").out)
    assert whole["model"]["objectives"] == [
        {
            "type": "domain_adversarial",
            "reads": ["shared"],
            "weight": 0.06,
            "discriminates": "domain",
            "pooling": {"type": "max"},
            "dropout": 0.2,
            "hidden_size": None,
            "loss": {"type": "cross_entropy"},
            "reversal": {"type": "constant", "scale": 1.0},
            "schedule": {"type": "constant", "scale": 1.0},
        }
    ]
    assert (
        whole["model"]["tower"]["hidden_size"] == 128 and whole["model"]["tower"]["bidirectional"]
    )
    assert whole["model"]["head"]["type"] == "crf" and whole["model"]["head"]["dropout"] == 0.2
    assert whole["data_loader"]["scheduler"]["batch_size"] == 7


@pytest.mark.parametrize(
    ("annotation", "config", "key", "value"),
    [
        (LazyObjective, "mmd", "reads", ["shared"]),
        (LazyObjective, "coral", "pooling", {"type": "max"}),
        (LazyObjective, "orthogonality", "schedule", {"type": "constant", "scale": 1.0}),
        (
            TrainingStep,
            "perturbed",
            "attack",
            {"type": "fgm", "epsilon": 1.0, "norm": "l2", "relative": False},
        ),
        (
            DataLoader,
            {"scheduler": {"type": "roundrobin", "max_tokens": 100}},
            "scheduler",
            {
                "type": "roundrobin",
                "batch_size": None,
                "max_tokens": 100,
                "pool": 50,
                "noise": None,
            },
        ),
        (
            DataLoader,
            {"scheduler": "balanced"},
            "scheduler",
            {"type": "balanced", "batch_size": 32, "max_tokens": None, "pool": 50, "noise": None},
        ),
    ],
)
def test_what_components_use_for_null(annotation: Any, config: Any, key: str, value: Any) -> None:
    assert completed(bind(annotation, config))[key] == value


@pytest.mark.parametrize("name", ["self_attention", "task_embedding", "task_token"])
def test_towers_show_the_tower_inside(name: str) -> None:
    inner = completed(bind(LazyTower, name))["tower"]
    assert (inner["type"], inner["hidden_size"], inner["bidirectional"]) == ("lstm", 128, True)


def test_pgd_shows_the_size_of_its_steps() -> None:
    attack = {"type": "pgd", "epsilon": 2.0, "steps": 4}
    whole = completed(bind(TrainingStep, {"type": "perturbed", "attack": attack}))
    assert whole["attack"]["step_size"] == 1.25
