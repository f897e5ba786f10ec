"""Every learning-rate scheduler against its formula, and its saved state."""

import io
import math
from typing import Any

import pytest
import torch
from tango.common.registrable import Registrable as TangoRegistrable
from torch.optim.lr_scheduler import LambdaLR

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.training.optimization.learning_rate_schedulers import LearningRateScheduler

TOTAL, WARMUP = 20, 5
RATES = (0.1, 3.0)


def rise(step: int) -> float:
    return min(1.0, step / WARMUP)


def remaining(step: int) -> float:
    """Return the remaining fraction of the steps after the warm-up."""
    return min(1.0, max(0.0, (TOTAL - step) / (TOTAL - WARMUP)))


# The factor on every learning rate after a number of steps.
FORMULAS = {
    "constant": lambda step: 1.0,
    "constant_with_warmup": rise,
    "linear_with_warmup": lambda step: min(rise(step), remaining(step)),
    "polynomial_decay": lambda step: min(rise(step), remaining(step) ** 2),
    "slanted_triangular": lambda step: (1 + min(step / 5, remaining(step)) * 7) / 8,
    "noam": lambda step: 2 * 16**-0.5 * min(max(step, 1) ** -0.5, max(step, 1) * WARMUP**-1.5),
    "cosine_with_warmup": lambda step: min(
        rise(step), 0.5 * (1 - math.cos(math.pi * remaining(step)))
    ),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "polynomial_decay": {"power": 2.0},
    "slanted_triangular": {"cut_frac": 0.25, "ratio": 8},
    "noam": {"model_size": 16, "warmup_steps": WARMUP, "factor": 2.0},
    "step": {"step_size": 2, "gamma": 0.5},
    "multi_step": {"milestones": [1, 4], "gamma": 0.5},
    "exponential": {"gamma": 0.5},
    "reduce_on_plateau": {"mode": "max", "patience": 1, "factor": 0.5},
}
# The factor on every learning rate after a number of epochs.
BY_EPOCH = {
    "step": lambda epoch: 0.5 ** (epoch // 2),
    "multi_step": lambda epoch: 0.5 ** ((epoch >= 1) + (epoch >= 4)),
    "exponential": lambda epoch: 0.5**epoch,
}
WITHOUT_WARMUP = {"constant", *SETTINGS} - {"polynomial_decay"}


def make(
    name: str, warmup: float | None = 0.25
) -> tuple[LearningRateScheduler, torch.optim.Optimizer]:
    settings: dict[str, Any] = {"type": name, **SETTINGS.get(name, {})}
    if name not in WITHOUT_WARMUP and warmup is not None:
        settings["warmup"] = warmup
    return built(settings)


def built(settings: dict[str, Any]) -> tuple[LearningRateScheduler, torch.optim.Optimizer]:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    optimizer = torch.optim.SGD(groups)
    supplied = {"optimizer": optimizer, "num_epochs": 4, "num_training_steps": TOTAL}
    return LearningRateScheduler.from_params(settings, **supplied), optimizer


def rates(
    scheduler: LearningRateScheduler, optimizer: torch.optim.Optimizer, steps: int
) -> list[list[float]]:
    """Return the learning rates before each of a number of steps."""
    seen = []
    for _ in range(steps):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step_batch()
    return seen


def resume(
    name: str, scheduler: LearningRateScheduler, optimizer: torch.optim.Optimizer
) -> tuple[LearningRateScheduler, torch.optim.Optimizer]:
    """Make a new scheduler and optimizer with the state of others, saved to a file and loaded."""
    file = io.BytesIO()
    torch.save((scheduler.state_dict(), optimizer.state_dict()), file)
    file.seek(0)
    schedule, state = torch.load(file, weights_only=True)
    resumed, resumed_optimizer = make(name)
    resumed_optimizer.load_state_dict(state)
    resumed.load_state_dict(schedule)
    return resumed, resumed_optimizer


def test_all_schedulers_are_tested() -> None:
    assert set(LearningRateScheduler.list_available()) == {
        *FORMULAS,
        *BY_EPOCH,
        "reduce_on_plateau",
    }


@pytest.mark.parametrize("warmup", [0.25, 5, 5.0])
@pytest.mark.parametrize("name", FORMULAS)
def test_rates_follow_the_formula(name: str, warmup: float) -> None:
    for step, seen in enumerate(rates(*make(name, warmup), TOTAL + 1)):
        expected = [FORMULAS[name](step) * rate for rate in RATES]
        assert seen == pytest.approx(expected, abs=1e-12), step


@pytest.mark.parametrize("name", FORMULAS)
def test_the_end_of_an_epoch_does_not_change_rates_updated_by_step(name: str) -> None:
    scheduler, optimizer = make(name)
    rates(scheduler, optimizer, 3)
    before = [group["lr"] for group in optimizer.param_groups]
    scheduler.step_epoch(0.5)
    assert [group["lr"] for group in optimizer.param_groups] == before


@pytest.mark.parametrize("done", [0, 3, 9])
@pytest.mark.parametrize("name", FORMULAS)
def test_state_round_trip(name: str, done: int) -> None:
    scheduler, optimizer = make(name)
    rates(scheduler, optimizer, done)
    resumed, resumed_optimizer = resume(name, scheduler, optimizer)
    assert rates(resumed, resumed_optimizer, TOTAL) == rates(scheduler, optimizer, TOTAL)


def test_negative_warmup_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="warmup: expected 0 or more, found -1"):
        make("linear_with_warmup", -1)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("constant_with_warmup", "num_warmup_steps"),
        ("cosine_with_warmup", "num_warmup_steps"),
        ("linear_with_warmup", "warmup_steps"),
        ("polynomial_decay", "warmup_steps"),
    ],
)
def test_keys_of_allennlp_for_the_warmup(name: str, key: str) -> None:
    settings = {"type": name, **SETTINGS.get(name, {})}
    for warmup in ({key: WARMUP}, {key: WARMUP, "warmup": None}):
        scheduler, optimizer = built({**settings, **warmup})
        assert rates(scheduler, optimizer, TOTAL) == rates(*make(name, WARMUP), TOTAL)
    for wrong, message in (
        ({key: WARMUP, "warmup": 0.25}, f"warmup and {key} are synonyms: set only one"),
        ({key: -1}, f"{key}: expected 0 or more, found -1"),
        ({key: 0.25}, f"{key}: expected a whole number, found 0.25"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            built({**settings, **wrong})


@pytest.mark.parametrize(
    ("name", "share"), [("linear_with_warmup", 0.1), ("polynomial_decay", 0.0)]
)
def test_default_of_the_warmup(name: str, share: float) -> None:
    settings = {"type": name, **SETTINGS.get(name, {})}
    assert rates(*built(settings), TOTAL) == rates(*built({**settings, "warmup": share}), TOTAL)


def test_a_cosine_of_several_periods() -> None:
    scheduler, optimizer = built(
        {"type": "cosine_with_warmup", "num_warmup_steps": 0, "num_cycles": 1.5}
    )
    expected = [
        0.5 * (1 + math.cos(3 * math.pi * step / TOTAL)) * RATES[0] for step in range(TOTAL)
    ]
    assert [rate for rate, _ in rates(scheduler, optimizer, TOTAL)] == pytest.approx(expected)


def test_without_warmup_the_first_rate_is_the_full_one() -> None:
    scheduler, optimizer = make("linear_with_warmup", 0)
    assert rates(scheduler, optimizer, 2) == [
        list(RATES),
        pytest.approx([0.95 * rate for rate in RATES]),
    ]


@pytest.mark.parametrize("name", BY_EPOCH)
def test_rates_change_with_epochs_only(name: str) -> None:
    scheduler, optimizer = make(name)
    for epoch in range(6):
        expected = [BY_EPOCH[name](epoch) * rate for rate in RATES]
        assert rates(scheduler, optimizer, 3) == [pytest.approx(expected)] * 3
        scheduler.step_epoch(0.5)


@pytest.mark.parametrize("name", [*BY_EPOCH, "reduce_on_plateau"])
def test_state_of_epochs_round_trip(name: str) -> None:
    scheduler, optimizer = make(name)
    for _ in range(2):
        rates(scheduler, optimizer, 1)
        scheduler.step_epoch(0.5)
    resumed, resumed_optimizer = resume(name, scheduler, optimizer)
    for _ in range(4):
        for steps in (scheduler, resumed):
            steps.step_epoch(0.5)
        assert rates(resumed, resumed_optimizer, 1) == rates(scheduler, optimizer, 1)


def test_the_rate_falls_on_a_plateau() -> None:
    scheduler, optimizer = make("reduce_on_plateau")
    seen = []
    for metric in (0.1, 0.2, 0.2, 0.15, 0.3, None, 0.3, 0.3):
        scheduler.step_epoch(metric)
        seen.append(optimizer.param_groups[0]["lr"] / RATES[0])
    assert seen == pytest.approx([1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25])


def test_a_plateau_by_absolute_differences_and_smallest_rates() -> None:
    settings = {"type": "reduce_on_plateau", "mode": "max", "patience": 0, "factor": 0.5}
    for more, falls in (
        ({}, False),
        ({"threshold_mode": "abs", "threshold": 0.05}, True),
        ({"eps": 10.0}, False),
    ):
        scheduler, optimizer = built({**settings, **more})
        for metric in (0.1, 0.12):
            scheduler.step_epoch(metric)
        assert (optimizer.param_groups[0]["lr"] < RATES[0]) is falls
    scheduler, optimizer = built({**settings, "min_lr": [0.08, 1.0]})
    for _ in range(4):
        scheduler.step_epoch(0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.08, 1.0]


def test_lower_is_better_on_a_plateau_by_default() -> None:
    scheduler, optimizer = built({"type": "reduce_on_plateau", "patience": 0})
    for metric in (0.3, 0.2, 0.1):
        scheduler.step_epoch(metric)
    assert optimizer.param_groups[0]["lr"] == RATES[0]


def test_a_custom_scheduler_and_its_warmup(monkeypatch: pytest.MonkeyPatch) -> None:
    registries = TangoRegistrable._registry
    monkeypatch.setitem(registries, LearningRateScheduler, dict(registries[LearningRateScheduler]))

    @LearningRateScheduler.register("jump")
    class Jump(LearningRateScheduler):
        def __init__(
            self,
            optimizer: torch.optim.Optimizer,
            num_epochs: int,
            warmup: int = 2,
        ) -> None:
            def scale(step: int) -> float:
                return float(step >= warmup) * num_epochs

            super().__init__(LambdaLR(optimizer, scale), every_batch=True)

    scheduler, optimizer = built({"type": "jump", "warmup": 1})
    assert rates(scheduler, optimizer, 2) == [[0.0, 0.0], [4 * rate for rate in RATES]]
    with pytest.raises(ConfigurationError, match="warmup: expected 0 or more, found -1"):
        built({"type": "jump", "warmup": -1})
