"""Agreement of evidence with finished studies."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.studies.ranking.agreement import (
    Outcome,
    agreement_with,
    correlations,
    read_finished,
    single_sources,
)
from tests.tiny import tiny_config


def outcomes(target: str, sizes: list[float], differences: list[float]) -> list[Outcome]:
    return [
        Outcome(target, f"s{i}", difference, {"size": size, "mean_rank": -size, "types": 1.0})
        for i, (size, difference) in enumerate(zip(sizes, differences, strict=True))
    ]


def test_no_number_with_four_sources() -> None:
    assert correlations(outcomes("a", [1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])) == ({}, {})


def test_correlations_by_hand() -> None:
    # One pair of neighbours is swapped: rho = 1 - 6 * 2 / (5 * 24), tau = (9 - 1) / 10.
    swapped = outcomes("a", [1, 2, 3, 4, 5], [0.1, 0.3, 0.2, 0.4, 0.5])
    spearman, kendall = correlations(swapped)
    assert spearman["size"].mean == pytest.approx(0.9) and kendall["size"].mean == pytest.approx(
        0.8
    )
    assert spearman["mean_rank"].mean == pytest.approx(-0.9)
    assert spearman["size"].interval is None
    # Constant evidence ranks nothing.
    assert "types" not in spearman

    values = [0.9]
    whole = swapped
    for target, differences in (("b", [0.2, 0.1, 0.3, 0.4, 0.5]), ("c", [0.5, 0.4, 0.3, 0.2, 0.1])):
        whole = whole + outcomes(target, [1, 2, 3, 4, 5], differences)
        values.append(
            1 - 6 * sum((r - i) ** 2 for i, r in enumerate(np.argsort(differences))) / 120
        )
    found = correlations(whole)[0]["size"]
    assert list(found.by_target.values()) == pytest.approx(values)
    half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / np.sqrt(3)
    assert found.interval == pytest.approx((max(-1, np.mean(values) - half), 1.0))


def test_arms_that_add_one_dataset() -> None:
    arms = {
        "single": ["weibo"],
        "hard": ["weibo", "msra"],
        "adv": ["weibo", "msra"],
        "both": ["weibo", "msra", "msr"],
        "slow": ["weibo"],
    }
    assert single_sources(arms, "single") == ({"hard": "msra", "adv": "msra"}, ["both"])
    assert single_sources(arms, "hard")[0] == {"both": "msr"}


def test_finished_studies(tmp_path: Path) -> None:
    single, both = tiny_config(), tiny_config()
    for name in ("msra", "msr"):
        del single["dataset_reader"]["readers"][name]
        del single["train_data_path"][name]
    single["model"]["type"] = "hard_sharing"
    one = tiny_config()
    del one["dataset_reader"]["readers"]["msr"], one["train_data_path"]["msr"]
    write_json(
        tmp_path / "study.json",
        {"target": "weibo", "arms": {"single": single, "one": one, "both": both}},
    )
    with pytest.raises(UserError, match="has no results.json"):
        read_finished(tmp_path)
    families = [
        {"arms": {"single": {}, "one": {"difference": value}, "both": {"difference": 0.5}}}
        for value in (0.1, 0.3)
    ]
    write_json(
        tmp_path / "results.json", {"target": "weibo", "baseline": "single", "families": families}
    )
    found = agreement_with([read_finished(tmp_path)], 10)
    (outcome,) = found.outcomes
    assert (outcome.target, outcome.source) == ("weibo", "msra")
    assert outcome.difference == pytest.approx(0.2)
    assert outcome.evidence["size"] == 20
    assert found.skipped == [f"{tmp_path}: both"]
    assert found.spearman == found.kendall == {}
