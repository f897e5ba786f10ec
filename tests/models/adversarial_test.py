"""Shared-private architecture with adversarial training."""

from pathlib import Path

import pytest

from ner_adv_plugin.testing import MultiTaskModelTestCase


class TestAdversarial(MultiTaskModelTestCase):
    @pytest.mark.parametrize(
        "name",
        [
            "adversarial",
            "adversarial_unlabelled",
            "adversarial_two_discriminators",
            "adversarial_alignment",
            "adversarial_self_attention",
            "adversarial_gradient_share",
            "biaffine",
        ],
    )
    def test_trains_saves_and_loads(self, name: str, root: Path) -> None:
        self.set_up_model(root / f"fixtures/configs/{name}.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
