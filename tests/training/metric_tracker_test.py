"""The metric tracker against a search over all previous epochs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.training.metric_tracker import MetricTracker

# Few distinct values, so that ties occur.
VALUES = st.lists(st.integers(-3, 3).map(lambda value: value / 2), min_size=1, max_size=12)


@given(
    values=VALUES,
    sign=st.sampled_from("+-"),
    patience=st.integers(1, 4),
    broken_at=st.integers(0, 11),
)
def test_best_epoch_and_stopping(
    values: list[float], sign: str, patience: int, broken_at: int
) -> None:
    tracker = MetricTracker(f"{sign}weibo_f1", patience)
    for epoch, value in enumerate(values):
        if epoch == broken_at:
            resumed = MetricTracker(f"{sign}weibo_f1", patience)
            resumed.load_state_dict(tracker.state_dict())
            tracker = resumed
        is_best = tracker.add(epoch, {"weibo_f1": value, "other": epoch})
        seen = values[: epoch + 1]
        # The first of equal values is the best: a tie is no improvement.
        best = seen.index(max(seen) if sign == "+" else min(seen))
        assert tracker.best_epoch == best
        assert is_best == (best == epoch)
        assert tracker.best_metrics == {"weibo_f1": seen[best], "other": best}
        assert tracker.should_stop() == (epoch - best >= patience)


def test_without_patience_it_never_stops() -> None:
    tracker = MetricTracker("+f1")
    for epoch in range(100):
        tracker.add(epoch, {"f1": -epoch})
    assert not tracker.should_stop() and tracker.best_epoch == 0


def test_without_metrics_the_last_epoch_is_best() -> None:
    tracker = MetricTracker("-loss", patience=1)
    assert [tracker.add(epoch, {}) for epoch in range(3)] == [True] * 3
    assert tracker.best_epoch == 2 and not tracker.should_stop()


def test_a_number_is_better_than_nan() -> None:
    tracker = MetricTracker("-loss", patience=3)
    losses = [math.nan, math.nan, 2.0, math.nan, 1.0]
    assert [tracker.add(epoch, {"loss": loss}) for epoch, loss in enumerate(losses)] == [
        True,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("metric", ["", "+", "-", "f1", "weibo_f1", "*f1"])
def test_a_metric_without_a_sign_is_an_error(metric: str) -> None:
    with pytest.raises(ConfigurationError, match="validation_metric"):
        MetricTracker(metric)


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_below_one_is_an_error(patience: int) -> None:
    with pytest.raises(ConfigurationError, match="patience"):
        MetricTracker("+f1", patience)
