"""The seconds of a step."""

from unittest.mock import Mock

import pytest

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
