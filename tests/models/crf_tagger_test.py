"""Single-task tagger."""

from pathlib import Path

import pytest

from ner_adv_plugin.testing import MultiTaskModelTestCase


class TestCrfTagger(MultiTaskModelTestCase):
    @pytest.mark.parametrize("name", ["crf_tagger", "crf_tagger_transformer"])
    def test_trains_saves_and_loads(self, name: str, root: Path) -> None:
        self.set_up_model(root / f"fixtures/configs/{name}.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
