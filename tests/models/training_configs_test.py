"""Every training config builds a model and computes gradients on the fixtures.

Those of papers train on the fixtures.
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.inference.predictor import Predictor
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import ModelTestCase

FOLDER = Path(__file__).parents[2] / "training_configs"
PAPERS = sorted(path.stem for path in (FOLDER / "papers").glob("*.jsonnet"))
TEXT = "张伟昨天去了北京。"
OTHERS = sorted(
    str(path.relative_to(FOLDER))
    for path in FOLDER.rglob("*.jsonnet")
    if path.parent != FOLDER / "papers"
)


def few_sentences(config: dict[str, Any]) -> dict[str, int]:
    """Overrides that limit every dataset to a few sentences."""
    readers = config["dataset_reader"].get("readers")
    reader_paths = (
        [f"dataset_reader.readers.{name}" for name in readers] if readers else ["dataset_reader"]
    )
    return {f"{path}.max_instances": 8 for path in reader_paths}


def is_reversal_health(callback: dict[str, Any]) -> bool:
    """Whether a callback is "reversal_health"."""
    return callback["type"] == "reversal_health"


class TestTrainingConfigs(ModelTestCase):
    @pytest.mark.parametrize("name", OTHERS)
    def test_builds_and_takes_a_step(self, name: str) -> None:
        path = FOLDER / name
        if path.stem == "weibo_lexicon":
            pytest.importorskip("ahocorasick")
        if path.stem == "weibo_raw_text":
            pytest.importorskip("jieba")
        self.set_up_model(path, json.dumps(few_sentences(load_config(path))))
        self.model.train()
        loss = self.model(self.batches[0], 0.5)["loss"]
        loss.backward()
        assert loss.isfinite() and loss > 0
        gradients = {
            name: p.grad for name, p in self.model.named_parameters() if p.grad is not None
        }
        assert all(gradient.isfinite().all() for gradient in gradients.values())
        found = {
            component: any(name.startswith(component) for name in gradients)
            for component in ("encoder", "towers", "heads")
        }
        assert all(found.values()), found

    @pytest.mark.parametrize("name", PAPERS)
    def test_every_parameter_of_papers_has_a_gradient(self, name: str) -> None:
        path = FOLDER / "papers" / f"{name}.jsonnet"
        config = load_config(path)
        settings = few_sentences(config)
        if "instances_per_epoch" in config["data_loader"]["sampler"]:
            settings["data_loader.sampler.instances_per_epoch"] = 64
        self.set_up_model(path, json.dumps(settings))
        self.ensure_gradients_reach_parameters()


@pytest.mark.parametrize("name", PAPERS)
def test_configs_of_papers_train(name: str, tmp_path: Path) -> None:
    config = load_config(FOLDER / "papers" / f"{name}.jsonnet")
    # Unlabelled text gets its instance weights before the second epoch.
    watched = [
        {**callback, "probe_sentences": 4}
        for callback in config["trainer"]["callbacks"]
        if is_reversal_health(callback)
    ]
    steps = {"trainer.num_epochs": 2, "trainer.callbacks": watched, "trainer.cuda_device": -1}
    if "instances_per_epoch" in config["data_loader"]["sampler"]:
        steps["data_loader.sampler.instances_per_epoch"] = 24
    config = with_overrides(config, {**few_sentences(config), **steps})
    metrics = train_model(config, tmp_path / "run")
    head = config["trainer"]["validation_metric"].removeprefix("+").removesuffix("_f1")
    assert math.isfinite(metrics["training_loss"]) and metrics[f"training_{head}_loss"] > 0
    assert 0 <= metrics[f"best_validation_{head}_f1"] <= 1
    adversaries = [o for o in config["model"].get("objectives", []) if "reversal" in o]
    assert len(adversaries) == len(watched) == sum("reversal_ratio" in name for name in metrics)
    assert len(adversaries) == sum("probe_shared_accuracy" in name for name in metrics)
    predictor = Predictor.from_path(tmp_path / "run" / "model.tar.gz")
    (answer,) = predictor.predict([TEXT])
    assert all(TEXT[own["start"] : own["end"]] == own["text"] for own in answer["entities"])


@pytest.mark.parametrize("name", PAPERS)
def test_configs_of_papers_pass_the_checks_on_real_data(name: str, shared: Path) -> None:
    variables = {
        "NER_DATA": str(shared / "data"),
        "NER_ENCODER": str(shared / "encoders" / "uer-roberta-L2-H512"),
    }
    config = load_config(FOLDER / "papers" / f"{name}.jsonnet", variables=variables)
    checked_job(config).check_paths()
    assert config["model"]["encoder"]["model_name"] == variables["NER_ENCODER"]
    assert all(
        path.startswith(variables["NER_DATA"]) for path in config["train_data_path"].values()
    )
