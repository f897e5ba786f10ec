import pytest
import torch

from ner_adv_plugin.modules.statistics import (
    Statistics,
    add_statistics,
    as_numbers,
    averages,
    over_processes,
    summed,
)

FIRST: Statistics = {"loss": (torch.tensor(3.0), 2), "accuracy": (1, 1)}
SECOND: Statistics = {"loss": (1.5, 1), "norm": (torch.tensor(2.0), 0)}


def test_sums_and_counts_add_up() -> None:
    together = summed([FIRST, SECOND])
    assert as_numbers(together) == {"loss": (4.5, 3), "accuracy": (1.0, 1), "norm": (2.0, 0)}
    assert averages(together) == {"loss": 1.5, "accuracy": 1.0}
    assert summed([]) == {}

    total: Statistics = {}
    for share in (FIRST, SECOND):
        add_statistics(total, share)
    assert as_numbers(total) == as_numbers(together)
    assert FIRST["loss"][1] == 2


def test_numbers_are_no_tensors() -> None:
    assert all(type(value) is float for value, _ in as_numbers(FIRST).values())


def test_the_loss_of_a_step_is_a_sum_over_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process has twice the loss and none of the second statistic."""
    module = "ner_adv_plugin.modules.statistics"
    other: Statistics = {"loss": (4.0, 1), "accuracy": (0.0, 3)}
    monkeypatch.setattr(f"{module}.world_size", lambda: 2)
    monkeypatch.setattr(f"{module}.gather", lambda own: [own, other])

    found = over_processes(torch.tensor(2.0), {"accuracy": (1, 1), "norm": (0.5, 1)})

    assert found == {"loss": (6.0, 1), "accuracy": (1.0, 4), "norm": (0.5, 1)}
