"""Aggregators with settings and with state, against direct calls of torchjd."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.steps.aggregation import RESUMABLE, Aggregation
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import tiny_config, weights

torchjd = pytest.importorskip("torchjd")
from torchjd import aggregation as theirs  # noqa: E402

# Gradients of three losses; the first two conflict.
JACOBIAN = torch.tensor([[-4.0, 1.0, 1.0, 0.5], [6.0, 1.0, 1.0, 0.0], [0.5, -2.0, 3.0, 1.0]])
NAMES = ["heads.a", "heads.b", "objectives.0"]
PREFERRED = torch.tensor([1.0, 2.0, 0.5])
BY_LOSS = {"objectives.0": 0.5, "heads.b": 2.0, "heads.a": 1.0, "heads.elsewhere": 9.0}


def gradients_of(jacobian: Tensor = JACOBIAN) -> dict[str, Tensor]:
    """Return the gradients of the losses by name."""
    return dict(zip(NAMES, jacobian, strict=True))


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("AlignedMTL", {}, {}),
    (
        "AlignedMTL",
        {"scale_mode": "rmse", "pref_vector": BY_LOSS},
        {"scale_mode": "rmse", "pref_vector": PREFERRED},
    ),
    ("CAGrad", {"c": 0.5}, {"c": 0.5}),
    ("ConFIG", {"pref_vector": BY_LOSS}, {"pref_vector": PREFERRED}),
    ("Constant", {"weights": BY_LOSS}, {"weights": PREFERRED}),
    ("DualProj", {"pref_vector": BY_LOSS}, {"pref_vector": PREFERRED}),
    ("ExcessMTL", {"robust_step_size": 0.1}, {"robust_step_size": 0.1}),
    ("FairGrad", {"alpha": 2}, {"alpha": 2.0}),
    ("GradDrop", {"leak": BY_LOSS | {"heads.b": 0.2}}, {"leak": torch.tensor([1.0, 0.2, 0.5])}),
    ("GradVac", {"beta": 0.2}, {"beta": 0.2}),
    ("IMTLG", {}, {}),
    ("Krum", {"n_byzantine": 0, "n_selected": 2}, {"n_byzantine": 0, "n_selected": 2}),
    ("MGDA", {"epsilon": 0.01}, {"epsilon": 0.01}),
    ("Mean", {}, {}),
    ("PCD", {"primary": "heads.a", "tau": 0.3}, {"tau": 0.3}),
    ("PCGrad", {}, {}),
    ("Random", {}, {}),
    ("Sum", {}, {}),
    ("TrimmedMean", {"trim_number": 1}, {"trim_number": 1}),
    ("UPGrad", {"pref_vector": None}, {}),
]


def made(name: str, settings: dict[str, Any]) -> Aggregation:
    """Make an aggregation; skip the test if its packages are not installed."""
    if name == "CAGrad":
        pytest.importorskip("cvxpy")
    return Aggregation(name.lower(), settings)


@pytest.mark.parametrize(("name", "settings", "arguments"), CASES)
def test_settings_are_passed_to_the_aggregator(
    name: str, settings: dict[str, Any], arguments: dict[str, Any]
) -> None:
    ours, own = made(name, settings), getattr(theirs, name)(**arguments)
    for seed, factor in enumerate((1.0, 3.0, -0.5)):
        jacobian = JACOBIAN * torch.tensor([[factor], [1.0], [2.0]])
        torch.manual_seed(seed)
        expected = own(jacobian)
        torch.manual_seed(seed)
        ours.check_losses(NAMES)
        assert_close(ours(gradients_of(jacobian)), expected, rtol=1e-4, atol=1e-4)


def test_every_aggregator_of_torchjd_is_tested() -> None:
    """Except base classes, and one whose state cannot be saved."""
    available = {
        name for name in theirs.__all__ if issubclass(getattr(theirs, name), theirs.Aggregator)
    }
    left_out = {"Aggregator", "WeightedAggregator", "GramianWeightedAggregator", "NashMTL"}
    assert available - left_out == {name for name, *_ in CASES}
    with pytest.raises(ConfigurationError) as error:
        Aggregation("sums", {})
    listed = error.value.message.split("expected one of ")[1].split(". ")[0].split(", ")
    assert set(listed) == {name.lower() for name, *_ in CASES}


def test_fairgrad_is_not_rescaled() -> None:
    """For alpha = 1 sum_i g_i / (g_i . d) has norm sqrt(K), whatever the norms of the gradients.

    Ban & Ji 2024; for orthogonal gradients the weights are 1 / |g_i|.
    """
    for size in (1.0, 8.0):
        found = Aggregation("fairgrad", {"alpha": 1.0})(
            {"a": size * torch.eye(2)[0], "b": 3 * size * torch.eye(2)[1]}
        )
        assert_close(found, torch.ones(2), rtol=1e-3, atol=1e-3)


def test_losses_without_gradient_are_left_out() -> None:
    own = Aggregation("constant", {"weights": BY_LOSS})
    gradients = {"heads.b": JACOBIAN[1], "heads.a": torch.zeros(4), "objectives.0": JACOBIAN[2]}
    assert_close(own(gradients), 2 * JACOBIAN[1] + 0.5 * JACOBIAN[2])
    assert_close(own({"heads.a": JACOBIAN[0]}), JACOBIAN[0])


def test_the_primary_loss_is_the_first_row() -> None:
    """For tau = 0 and no conflict the result is the gradient of the primary loss."""
    second_first = Aggregation("pcd", {"primary": "heads.b", "tau": 0})
    second_first.check_losses(["heads.a", "heads.b"])
    found = second_first({"heads.a": torch.tensor([0.0, 1.0]), "heads.b": torch.tensor([1.0, 0.0])})
    assert_close(found, torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize(
    ("name", "settings", "path", "message"),
    [
        ("cagrad", {}, "settings.c", "missing key, required here: a number"),
        (
            "krum",
            {"n_byzantin": 1},
            "settings.n_byzantin",
            'Did you mean "n_byzantine"? Accepted: n_byzantine, n_sel',
        ),
        (
            "krum",
            {"n_byzantine": 0.5},
            "settings.n_byzantine",
            "expected a whole number, found 0.5",
        ),
        ("krum", {"n_byzantine": -1}, "settings", "n_byzantine must be non-negative"),
        ("sum", {"weights": {}}, "settings.weights", "unknown key. Accepted: (none)"),
        (
            "constant",
            {"weights": [1, 2]},
            "settings.weights",
            "expected an object of names and values",
        ),
        (
            "constant",
            {"weights": {"heads.a": "1"}},
            "settings.weights.heads.a",
            "expected a number",
        ),
        ("alignedmtl", {"scale_mode": "med"}, "settings.scale_mode", 'Did you mean "median"?'),
        ("graddrop", {"f": "identity"}, "settings.f", "Accepted: leak"),
        ("upgrad", {"projector": {}}, "settings.projector", "Accepted: pref_vector"),
        ("pcd", {"tau": 0.1}, "settings.primary", "missing key, required here: a string"),
        ("pcd", {"primary": "heads.a", "tau": 2}, "settings", "must be in [0, 1]"),
        (
            "nashmtl",
            {"n_tasks": 3},
            "aggregator",
            'no way to save the state of "nashmtl": a stopped and recovered run',
        ),
        ("gramianweightedaggregator", {}, "aggregator", "expected one of alignedmtl, cagrad"),
    ],
)
def test_wrong_settings(name: str, settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Aggregation(name, settings)
    assert error.value.path == path
    assert message in error.value.message


@pytest.mark.parametrize(
    ("name", "settings", "path", "message"),
    [
        (
            "constant",
            {"weights": {"heads.aa": 1}},
            ".weights",
            'no number for loss "heads.a", only for heads.aa',
        ),
        (
            "krum",
            {"n_byzantine": 1},
            "",
            "of heads.a, heads.b, objectives.0 (gradients of zeros are left out): Parameter",
        ),
        ("trimmedmean", {"trim_number": 2}, "", "at least 5 rows"),
        (
            "pcd",
            {"primary": "head.b"},
            ".primary",
            'no loss "head.b". Did you mean "heads.b"?',
        ),
    ],
)
def test_settings_that_do_not_match_the_losses(
    name: str, settings: dict[str, Any], path: str, message: str
) -> None:
    own = Aggregation(name, settings)
    with pytest.raises(ConfigurationError) as error:
        own.check_losses(NAMES)
        own(gradients_of())
    assert error.value.path == f"trainer.step.settings{path}"
    assert message in error.value.message


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quadprog", None)
    with pytest.raises(
        UserError, match=r'^aggregator "upgrad": .*quadprog.* pip install "torchjd\['
    ):
        Aggregation("upgrad", {})


def stateful(name: str) -> Aggregation:
    """Make a stateful aggregation."""
    return Aggregation(name, {"primary": "heads.a"} if name == "pcd" else {})


@pytest.mark.parametrize("name", RESUMABLE)
def test_the_same_losses_at_every_step(name: str) -> None:
    own = stateful(name)
    own.check_losses(NAMES)
    own(gradients_of())
    own.check_losses(NAMES[::-1])
    with pytest.raises(
        ConfigurationError, match=r"the same at every step: found 3 entries, before 4"
    ):
        own(gradients_of(JACOBIAN[:, :3]))
    with pytest.raises(
        ConfigurationError, match=r"found heads.a, heads.b, before heads.a, heads.b, objectives.0"
    ):
        own.check_losses(NAMES[:2])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gradvac", {}),
        ("pcd", {"primary": "heads.b"}),
        ("excessmtl", {}),
        ("excessmtl", {"n_warmup_steps": 3}),
    ],
)
def test_state_is_restored_exactly(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    """Saving and loading the state between steps, or before the first one, changes nothing."""
    torch.manual_seed(0)
    steps = [gradients_of(torch.randn(3, 5)) for _ in range(6)]
    uninterrupted, restored = Aggregation(name, settings), Aggregation(name, settings)
    fresh_is_equal = []
    for step in steps:
        torch.save(restored.state_dict(), tmp_path / "state.th")
        for _ in range(2):
            # The second time without a step in between.
            state = weights(tmp_path / "state.th")
            restored = Aggregation(name, settings)
            restored.load_state_dict(state)
            torch.save(restored.state_dict(), tmp_path / "state.th")
        for own in (uninterrupted, restored, fresh := Aggregation(name, settings)):
            own.check_losses(NAMES)
        state_before = torch.get_rng_state()
        expected = uninterrupted(step)
        state_after = torch.get_rng_state()
        torch.set_rng_state(state_before)
        assert torch.equal(restored(step), expected)
        assert torch.equal(torch.get_rng_state(), state_after)
        torch.set_rng_state(state_before)
        fresh_is_equal.append(torch.equal(fresh(step), expected))
    # During the warm-up the weights are equal.
    assert fresh_is_equal[0] and not all(fresh_is_equal[1:])


@pytest.mark.parametrize("name", RESUMABLE)
def test_a_stopped_run_resumes_exactly(name: str, tmp_path: Path) -> None:
    settings = {
        "pcd": {"primary": "heads.weibo", "tau": 0.2},
        "excessmtl": {"n_warmup_steps": 2},
    }.get(name, {})
    config = tiny_config(
        trainer__num_epochs=1,
        trainer__step={"type": "aggregated", "aggregator": name, "settings": settings},
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
        data_loader__scheduler={"type": "balanced", "batch_size": 24},
        evaluate_on_test=False,
    )
    train_model(config, tmp_path / "whole")
    with stopping_before(4):
        train_model(config, tmp_path / "stopped")
    # TensorBoard reads event files of the same second in no defined order.
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config, tmp_path / "stopped", recover=True)
    files = sorted(
        path.name for path in (tmp_path / "whole" / "checkpoints").glob("training_state*")
    )
    step: Any = weights(tmp_path / "whole" / "checkpoints" / files[-1])["step"]
    assert step["losses"][0].startswith("heads.") and len(step["losses"]) == 4
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []
