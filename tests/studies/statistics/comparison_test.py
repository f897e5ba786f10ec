"""Verdicts of families of arms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.studies.statistics import Verdict, compare_arms
from ner_adv_plugin.studies.statistics.comparison import holm
from tests.studies.statistics.simulation import World


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.01, 0.02, 0.3, 0.04]) == pytest.approx([0.04, 0.06, 0.3, 0.08])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_and_lies_between_raw_and_bonferroni(values: list[float]) -> None:
    adjusted = holm(values)
    for raw, one in zip(values, adjusted, strict=True):
        assert raw <= one <= min(1.0, len(values) * raw) or one == pytest.approx(max(adjusted))
    order = np.argsort(values, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= 0)


def test_large_effects_are_seen_on_either_side() -> None:
    world = World(np.random.default_rng(0), sentences=270)
    baseline = world.counts(0.0, seeds=5)
    found = compare_arms(
        baseline,
        {"up": world.counts(1.5, 5), "down": world.counts(-1.5, 5), "same": baseline},
        rounds=1000,
    )
    assert {name: one.verdict for name, one in found.items()} == {
        "up": Verdict.HELPED,
        "down": Verdict.HURT,
        "same": Verdict.UNDECIDED,
    }
    assert found["same"].difference == 0
    assert found["up"].p_sign_flip == 0.0625
    for one in found.values():
        assert one.interval[0] <= one.difference <= one.interval[1]
        assert one.p == max(one.p_seeds, one.p_sentences, one.p_both) <= one.p_holm


def test_an_arm_that_leaks_is_judged_alone() -> None:
    world = World(np.random.default_rng(0), sentences=270)
    baseline, up, leaked = (world.counts(effect, seeds=5) for effect in (0.0, 1.5, 3.0))
    alone = compare_arms(baseline, {"up": up}, rounds=300)
    found = compare_arms(baseline, {"up": up, "leaked": leaked}, rounds=300, leaking=["leaked"])
    assert found["up"] == alone["up"]
    assert found["leaked"].verdict == Verdict.LEAKED and found["leaked"].difference > 0
    assert found["leaked"].p_holm == found["leaked"].p < 0.05


def test_one_seed_decides_nothing() -> None:
    world = World(np.random.default_rng(0), sentences=270)
    found = compare_arms(world.counts(0.0, 1), {"up": world.counts(3.0, 1)}, rounds=100)["up"]
    assert found.verdict == Verdict.UNDECIDED
    assert found.seeds_for_a_point is None


def test_counts_that_do_not_match() -> None:
    world = World(np.random.default_rng(0), sentences=20)
    with pytest.raises(ValueError, match=r"expected counts of shape \(2, 20, 3\)"):
        compare_arms(world.counts(0.0, 2), {"a": world.counts(0.0, 3)})
    nothing = np.zeros((2, 20, 3))
    with pytest.raises(ValueError, match="undefined"):
        compare_arms(nothing, {"a": nothing})
