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
            "adversarial_self_attention_published",
            "adversarial_gradient_share",
            "adversarial_conditional",
            "adversarial_wasserstein",
            "biaffine",
        ],
    )
    def test_trains_saves_and_loads(self, name: str, root: Path) -> None:
        self.set_up_model(root / f"fixtures/configs/{name}.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()

    def test_residual_towers_train_save_and_load(self, root: Path) -> None:
        self.set_up_model(root / "fixtures/configs/adversarial_residual.jsonnet")
        names = [name for name, _ in self.model.named_parameters()]
        # The branch with the LSTM is multiplied by 0 before the first step.
        inner = [name for name in names if ".tower." in name]
        assert len(inner) == 3 * 8
        self.ensure_model_can_train_save_and_load(gradients_to_ignore=inner)
        self.ensure_batch_predictions_are_consistent()
        # After the first epoch all of them learn.
        self.ensure_gradients_reach_parameters()
