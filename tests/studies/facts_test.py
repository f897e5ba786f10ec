"""What the grid must know of an arm: sizes, and the seconds of a step."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.inference.distillation import Distillation
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.studies import facts


def test_a_step_that_is_held_up_once_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    held_up = {5, 17}

    def train_step(group: int) -> None:
        nonlocal now
        count = trainer.train_step.call_count
        now += 60.0 if count in held_up else 1.0 + group % 2

    trainer = Mock()
    trainer.plan_steps.return_value = [0, 1, 2]
    trainer.train_step.side_effect = train_step
    monkeypatch.setattr(facts.time, "perf_counter", lambda: now)
    # Three of the ten steps are of group 1 and take two seconds.
    assert facts._timed(trainer) == pytest.approx((7 * 1.0 + 3 * 2.0) / 10)
    assert trainer.train_step.call_count == 23


def test_the_grid_is_planned_without_labels_of_teachers(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = checked_job(load_config(root / "fixtures/configs/self_training.jsonnet"))
    labelled = Mock(side_effect=AssertionError("a teacher labels sentences"))
    monkeypatch.setattr(Distillation, "targets", labelled)

    found = facts.facts_of(job, "weibo", None)

    assert found.sentences == {"weibo": 12, "reviews": 12}
    # Twelve sentences of each dataset in batches of six.
    assert (found.num_epochs, found.target_passes, found.steps_per_epoch) == (1, 1.0, 4.0)
    labelled.assert_not_called()
