"""Histograms, fractions, statistics and pictures in TensorBoard, against a second model."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training import TrainerCallback
from ner_adv_plugin.training.callbacks.transition_pictures import transition_pictures
from tests.tiny import assert_same_weights, model_and_loader, tiny_config, weights
from tests.training.callbacks.helpers import curves, events, looking, train_in_two
from tests.training.callbacks.layer_statistics_test import outputs_by_hand, rectified_config

EPOCHS, STEPS = 2, 5


@TrainerCallback.register("measuring")
class Measuring(TrainerCallback):
    """Add metrics to those of each step and of the run."""

    def on_backward(self, trainer: Any, batch_metrics: Any) -> None:
        batch_metrics["double_step"] = (4 * trainer.steps_done, 2)

    def on_end(self, trainer: Any, metrics: dict[str, Any] | None = None) -> None:
        assert metrics is not None
        metrics.update(steps_in_all=trainer.steps_done, remark="no number")


EVERYTHING = {
    "type": "tensorboard",
    "summary_interval": 2,
    "distribution_interval": 3,
    "should_log_parameter_statistics": True,
    "should_log_learning_rate": False,
    "transition_pictures": True,
}
LARGE = rectified_config(
    trainer__num_epochs=EPOCHS,
    trainer__checkpointer={"save_every_num_batches": 2, "keep_most_recent_by_count": None},
    trainer__callbacks=[EVERYTHING, "stopping"],
)


@pytest.fixture(scope="module")
def logged_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all curves, histograms and pictures."""
    folder = tmp_path_factory.mktemp("logged_run")
    train_model(LARGE, folder)
    return folder


def test_metrics_of_other_callbacks_are_written_in_any_order(tmp_path: Path) -> None:
    writer = {"type": "tensorboard", "summary_interval": 1}
    for name, callbacks in (("before", ["measuring", writer]), ("after", [writer, "measuring"])):
        metrics = train_model(
            tiny_config(trainer__num_epochs=1, trainer__callbacks=callbacks), tmp_path / name
        )
        assert curves(tmp_path / name, "train")["double_step"] == [
            (step, 2.0 * step) for step in range(STEPS)
        ]
        assert curves(tmp_path / name, "validation")["steps_in_all"] == [(STEPS, STEPS)]
        assert (metrics["steps_in_all"], metrics["remark"]) == (STEPS, "no number")
        # Validation metrics are written once.
        assert len(curves(tmp_path / name, "validation")["weibo_f1"]) == 1


def test_states_of_callbacks_are_in_the_order_of_the_config(tmp_path: Path) -> None:
    callbacks = [{"type": "tensorboard"}, {"type": "reversal_health", "probe_sentences": 0}]
    train_model(tiny_config(trainer__num_epochs=1, trainer__callbacks=callbacks), tmp_path)
    state = weights(tmp_path / "checkpoints" / "training_state_e1_b0.th")
    assert [list(own) for own in state["callbacks"]] == [[], ["reversals"]]


def test_histograms_of_the_first_step(logged_run: Path) -> None:
    model, loader = model_and_loader(LARGE)
    shown = {
        f"parameter_histogram/{name}": value.detach().numpy()
        for name, value in model.named_parameters()
    }
    by_hand = outputs_by_hand(model, next(iter(loader)))
    shown |= {f"activation_histogram/{name}": values for name, values in by_hand.items()}
    found = events(logged_run, "train")
    # A layer that no sentence of the first batch uses has its first histogram later.
    assert set(shown) <= set(found.Tags()["histograms"])
    for name, values in shown.items():
        first = found.Histograms(name)[0]
        made = first.histogram_value
        assert first.step == 0 and made.num == sum(made.bucket) == values.size
        assert made.sum == pytest.approx(values.sum(dtype=float), rel=1e-4, abs=1e-3)
        assert made.sum_squares == pytest.approx(np.square(values, dtype=float).sum(), rel=1e-4)
        if values.min() < values.max():
            assert (made.min, made.max) == pytest.approx((values.min(), values.max()), abs=1e-5)
        # Rounding may put a value at the edge of two bins into either.
        counts, _ = np.histogram(values, made.bucket_limit)
        assert (
            made.bucket[0] == 0 and np.abs(counts - made.bucket[1:]).sum() <= 0.01 * values.size + 2
        )


def test_histograms_have_the_configured_interval(logged_run: Path) -> None:
    found = events(logged_run, "train")
    every_third = [0, 3, 6, 9]
    for name in found.Tags()["histograms"]:
        steps = [event.step for event in found.Histograms(name)]
        assert steps == every_third or (
            name.startswith("activation_") and set(steps) <= set(every_third)
        ), name


def test_fractions_of_zeros_of_the_first_step(logged_run: Path) -> None:
    model, loader = model_and_loader(LARGE)
    found = curves(logged_run, "train")
    for name, values in outputs_by_hand(model, next(iter(loader))).items():
        assert found[f"zero_fraction/{name}"][0] == (
            0,
            pytest.approx((values == 0).mean(), abs=1e-6),
        )
    assert found["zero_fraction/towers.shared"][0][1] > 0.1


def test_statistics_of_parameters_and_gradients_of_the_first_step(logged_run: Path) -> None:
    model, loader = model_and_loader(LARGE)
    model(next(iter(loader)))["loss"].backward()
    found = curves(logged_run, "train")
    for name, parameter in model.named_parameters():
        for label, tensor in (("parameter", parameter), ("gradient", parameter.grad)):
            if tensor is not None:
                values = tensor.detach().numpy()
                mean, spread = (
                    found[f"{label}_{statistic}/{name}"][0] for statistic in ("mean", "std")
                )
                assert mean == (0, pytest.approx(values.mean(), rel=1e-3, abs=1e-6))
                assert spread == (0, pytest.approx(values.std(ddof=1), rel=1e-3, abs=1e-6))
    assert [step for step, _ in found["parameter_mean/encoder.embedding.weight"]] == [0, 2, 4, 6, 8]
    assert not [name for name in found if name.startswith("learning_rate")]


def test_pictures_show_the_end_of_each_epoch(logged_run: Path) -> None:
    model, _ = model_and_loader(LARGE)
    found = events(logged_run, "validation")
    assert set(found.Tags()["images"]) == {
        "transitions/weibo",
        "transitions/msra",
        "transitions/msr",
    }
    for epoch in range(EPOCHS):
        model.load_state_dict(
            weights(logged_run / "checkpoints" / f"model_state_e{epoch + 1}_b0.th")
        )
        for name, picture in transition_pictures(model).items():
            event = found.Images(name)[epoch]
            assert event.step == STEPS * (epoch + 1)
            np.testing.assert_array_equal(
                np.asarray(Image.open(io.BytesIO(event.encoded_image_string))), picture
            )


def test_callbacks_do_not_change_training(logged_run: Path, tmp_path: Path) -> None:
    train_model({**LARGE, "trainer": {**LARGE["trainer"], "callbacks": []}}, tmp_path)
    assert_same_weights(tmp_path / "best.th", logged_run / "best.th")


@pytest.mark.parametrize("steps", [STEPS + 4, STEPS + 1])
def test_a_recovered_run_has_every_point_once(logged_run: Path, tmp_path: Path, steps: int) -> None:
    train_in_two(LARGE, tmp_path, steps)
    for split in ("train", "validation"):
        assert curves(tmp_path, split) == curves(logged_run, split)
        ours, theirs = events(tmp_path, split), events(logged_run, split)
        assert ours.Tags() == theirs.Tags()
        for name in theirs.Tags()["histograms"]:
            assert [(e.step, e.histogram_value) for e in ours.Histograms(name)] == [
                (e.step, e.histogram_value) for e in theirs.Histograms(name)
            ]
        for name in theirs.Tags()["images"]:
            assert [(e.step, e.encoded_image_string) for e in ours.Images(name)] == [
                (e.step, e.encoded_image_string) for e in theirs.Images(name)
            ]


def test_layers_are_watched_only_in_steps_that_are_logged(tmp_path: Path) -> None:
    hooks: list[int] = []
    trainers = []

    def look(event: str, trainer: Any) -> None:
        hooks.append(sum(len(module._forward_hooks) for module in trainer.model.modules()))
        trainers.append(trainer)

    with looking(look):
        train_model(
            rectified_config(trainer__num_epochs=1, trainer__callbacks=[EVERYTHING, "looking"]),
            tmp_path,
        )
    # Both events of steps 0 to 4, each before the writer is called: it logs steps 0 and 3.
    assert [count > 0 for count in hooks] == [
        step % 3 == 0 and event == "backward"
        for step in range(STEPS)
        for event in ("backward", "batch")
    ]
    look("end", trainers[0])
    assert hooks[-1] == 0


@pytest.mark.parametrize("key", ["summary_interval", "distribution_interval"])
def test_intervals_are_positive(tmp_path: Path, key: str) -> None:
    config = tiny_config(trainer__callbacks=[{"type": "tensorboard", key: 0}])
    with pytest.raises(ConfigurationError, match=f"callbacks.0.{key}: expected 1 or more, found 0"):
        train_model(config, tmp_path)
