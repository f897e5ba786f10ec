"""Hard parameter sharing."""

from pathlib import Path

import pytest

from ner_adv_plugin.testing import MultiTaskModelTestCase


class TestHardSharing(MultiTaskModelTestCase):
    @pytest.mark.parametrize(
        "name",
        [
            "hard_sharing",
            "hard_sharing_one_head",
            "hard_sharing_tokens",
            "hard_sharing_task_token",
            "hard_sharing_task_embedding",
            "global_pointer",
        ],
    )
    def test_trains_saves_and_loads(self, name: str, root: Path) -> None:
        self.set_up_model(root / f"fixtures/configs/{name}.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
