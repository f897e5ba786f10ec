"""Overlaps, candidates and ranks."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.studies.ranking.evidence import EVIDENCE, candidates_of, rank_candidates, ranked
from ner_adv_plugin.studies.ranking.overlaps import coverage, ngram_counts, type_similarity
from tests.tiny import DATA, ROOT, single_task_config, tiny_config

TEXTS = st.lists(st.text("北京上海人", max_size=6), max_size=5)


@given(TEXTS, TEXTS, st.integers(1, 3))
def test_coverage_by_brute_force(target: list[str], source: list[str], n: int) -> None:
    positions = [(text, i) for text in target for i in range(len(text) - n + 1)]
    found = sum(any(text[i : i + n] in other for other in source) for text, i in positions)
    expected = found / len(positions) if positions else None
    assert coverage(ngram_counts(target, n), ngram_counts(source, n)) == expected


def test_jaccard_of_types() -> None:
    assert type_similarity(["PER", "LOC", "PER"], ["LOC", "ORG"]) == pytest.approx(1 / 3)
    assert type_similarity([], ["LOC"]) == 0
    assert type_similarity([], []) is None


def test_ranks() -> None:
    nothing: dict[str, float | None] = dict.fromkeys(EVIDENCE)
    ranks = ranked(
        {
            "a": nothing | {"size": 10.0, "a_distance": 0.5, "entities": 0.2},
            "b": nothing | {"size": 10.0, "a_distance": 1.0, "entities": None},
            "c": nothing | {"size": 30.0, "a_distance": 2.0, "entities": 0.0},
        }
    )
    assert ranks == {
        "a": {"a_distance": 1.0, "entities": 1.0, "size": 2.5},
        "b": {"a_distance": 2.0, "entities": 3.0, "size": 2.5},
        "c": {"a_distance": 3.0, "entities": 2.0, "size": 1.0},
    }


def test_overlaps_of_a_study(root: Path) -> None:
    jobs = {"single": checked_job(single_task_config()), "all": checked_job(tiny_config())}
    # A config of one dataset calls it as its reader.
    jobs["single"] = checked_job(tiny_config())
    ranking = rank_candidates("weibo", jobs, "single", 10)
    assert ranking.encoder is None and ranking.kinds == {"msra": "entities", "msr": "words"}
    assert set(ranking.ranks["msra"]) == set(EVIDENCE) - {"logme", "h_score", "a_distance"}

    data = {name: list(table) for name, table in read(jobs["all"]).items()}
    mentions = [
        (one.text[span.start : span.end], span.type)
        for one in data["weibo"]
        for span in one.spans or ()
    ]
    for source in ("msra", "msr"):
        own = {one.text[span.start : span.end] for one in data[source] for span in one.spans or ()}
        expected = sum(surface in own for surface, _ in mentions) / len(mentions)
        assert ranking.evidence[source]["surfaces"] == pytest.approx(expected)
        assert ranking.evidence[source]["size"] == len(data[source]) == 20
    assert ranking.evidence["msr"]["entities"] is ranking.evidence["msr"]["types"] is None
    assert ranking.evidence["msra"]["types"] == 0
    assert ranking.order == sorted(ranking.mean_ranks, key=ranking.mean_ranks.__getitem__)
    assert json.loads(json.dumps(ranking.as_json()))["order"] == ranking.order


def read(job: Any) -> Any:
    from ner_adv_plugin.studies.facts import data_of

    return data_of(job).splits["train"]


def test_candidates_that_cannot_be_told_apart() -> None:
    config = tiny_config()
    one = checked_job(config)
    other = checked_job(tiny_config(dataset_reader__readers__msra__max_instances=10))
    with pytest.raises(ConfigurationError) as error:
        candidates_of("weibo", {"a": one, "b": other})
    assert error.value.path == "arms.b" and '"msra"' in error.value.message
    for name in ("msra", "msr"):
        del config["dataset_reader"]["readers"][name]
        del config["train_data_path"][name]
    config["model"] = {**config["model"], "type": "hard_sharing"}
    with pytest.raises(ConfigurationError, match="nothing to rank"):
        candidates_of("weibo", {"a": checked_job(config)})


def test_states_of_a_pretrained_encoder(fixture_encoder: Path) -> None:
    unlabelled = {
        "dataset_reader.readers.reviews": {"type": "unlabelled", "max_instances": 20},
        "train_data_path.reviews": str(DATA / "unlabelled" / "reviews.txt"),
    }
    from ner_adv_plugin.common.overrides import with_overrides

    config = with_overrides(tiny_config(), unlabelled)
    config["model"]["encoder"] = {"model_name": str(ROOT / "fixtures" / "encoder")}
    ranking = rank_candidates("weibo", {"all": checked_job(config)}, "all", 20)
    again = rank_candidates("weibo", {"all": checked_job(config)}, "all", 20)
    assert ranking.as_json() == again.as_json()
    for name in ("msra", "msr"):
        assert all(ranking.evidence[name][kind] is not None for kind in ("logme", "h_score"))
    assert ranking.kinds["reviews"] == "unlabelled"
    assert ranking.evidence["reviews"]["logme"] is None
    distances = [ranking.evidence[name]["a_distance"] for name in ("reviews", "msra")]
    # Reviews are social text, as the target is.
    assert None not in distances and distances[0] < distances[1]  # type: ignore[operator]
