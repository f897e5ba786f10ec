"""Every recipe builds and takes a step on the embedded corpora and encoder."""

import json
from pathlib import Path

import pytest

from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.testing import ModelTestCase

FOLDER = Path(__file__).parents[2] / "training_configs"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.jsonnet"))


class TestTrainingConfigs(ModelTestCase):
    @pytest.mark.parametrize("name", NAMES)
    def test_builds_and_takes_a_step(self, name: str) -> None:
        path = FOLDER / name
        readers = load_config(path)["dataset_reader"].get("readers")
        places = [f"dataset_reader.readers.{name}" for name in readers] if readers else ["dataset_reader"]
        self.set_up_model(path, json.dumps({f"{place}.max_instances": 8 for place in places}))
        self.model.train()
        loss = self.model(self.batches[0], 0.5)["loss"]
        loss.backward()
        assert loss.isfinite() and loss > 0
        gradients = {name: p.grad for name, p in self.model.named_parameters() if p.grad is not None}
        assert all(gradient.isfinite().all() for gradient in gradients.values())
        parts = {part: any(name.startswith(part) for name in gradients) for part in ("encoder", "towers", "heads")}
        assert all(parts.values()), parts
