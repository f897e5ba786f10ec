"""Some tasks read what others learn."""

from pathlib import Path

from ner_adv_plugin.testing import MultiTaskModelTestCase


class TestAsymmetric(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/asymmetric.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
