"""Instance weighting in whole runs."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.modules.heads import Head, SoftmaxHead
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from tests.stopping import stopping_before
from tests.tiny import assert_same_weights, learnt
from tests.training.instance_weighting.weighted_run import CONFIDENCE, SIMILARITY, config_of_run


@Head.register("unranked")
class UnrankedHead(SoftmaxHead):
    """A head that does not rank readings."""

    ranks_readings = False


def test_a_head_that_does_not_rank_is_an_error(tmp_path: Path) -> None:
    config = config_of_run("unranked", reviews={**CONFIDENCE, "wait": 0})
    message = (
        r'head "weibo" \(UnrankedHead\) does not rank readings, .*"confidence" need; '
        'heads that do: "biaffine", "crf"'
    )
    with pytest.raises(UserError, match=message):
        train_model(config, tmp_path / "run")


def test_a_run_that_adds_sentences_to_a_task(tmp_path: Path) -> None:
    train_model(config_of_run(reviews=CONFIDENCE, msra=SIMILARITY), tmp_path / "run")
    epochs = [
        json.loads((tmp_path / "run" / f"metrics_epoch_{epoch}.json").read_text())
        for epoch in range(3)
    ]
    assert "training_reviews_sentence_weight" not in epochs[0]
    assert (
        0 < epochs[1]["training_reviews_sentence_weight"] < 1
        and 0 < epochs[0]["training_msra_sentence_weight"] < 1
    )
    assert epochs[1]["training_msra_sentence_weight"] == epochs[0]["training_msra_sentence_weight"]
    assert (
        epochs[2]["training_reviews_sentence_weight"]
        != epochs[1]["training_reviews_sentence_weight"]
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[dict[str, Any], Path]]:
    """A function from a type of head to the metrics and the folder of an uninterrupted run."""

    @cache
    def run(head: str) -> tuple[dict[str, Any], Path]:
        folder = tmp_path_factory.mktemp("whole")
        return train_model(config_to_stop(head), folder), folder

    return run


def config_to_stop(head: str) -> dict[str, Any]:
    return config_of_run(head, reviews=CONFIDENCE, msra={**SIMILARITY, "similarity": "gaussian"})


@pytest.mark.parametrize(
    ("head", "step"), [("crf", 3), ("crf", 9), ("crf", 15), ("global_pointer", 9), ("biaffine", 9)]
)
def test_a_stopped_run_resumes_exactly(
    tmp_path: Path, whole: Callable[[str], tuple[dict[str, Any], Path]], head: str, step: int
) -> None:
    metrics, folder = whole(head)
    with stopping_before(step):
        train_model(config_to_stop(head), tmp_path / "stopped")
    resumed = train_model(config_to_stop(head), tmp_path / "stopped", recover=True)
    assert (
        learnt(resumed) == learnt(metrics) and 0 < metrics["training_reviews_sentence_weight"] < 1
    )
    assert_same_weights(tmp_path / "stopped" / "best.th", folder / "best.th")


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ({"review": CONFIDENCE}, 'trainer.instance_weighting.review: .*Did you mean "reviews"'),
        (
            {"reviews": {**CONFIDENCE, "head": "weib"}},
            'reviews.head: no head "weib". Did you mean "weibo"',
        ),
        (
            {"msra": CONFIDENCE},
            'instance_weighting.msra: "confidence" needs an unlabelled dataset, .* has head "msra"',
        ),
        ({"reviews": SIMILARITY}, "instance_weighting.reviews: the sentences have no labels"),
        (
            {"msra": {**SIMILARITY, "target": "msra"}},
            "msra.target: sentences cannot be compared with themselves",
        ),
        ({"msra": {**SIMILARITY, "target": "wei"}}, "msra.target: .*weibo"),
        ({"msra": {**SIMILARITY, "sigma": 0.0}}, "msra.sigma: expected above 0, found 0"),
        ({"reviews": {**CONFIDENCE, "wait": -1}}, "reviews.wait: expected 0 or more, found -1"),
        ({"reviews": {**CONFIDENCE, "measure": "entropy"}}, "reviews.measure"),
    ],
)
def test_errors_are_found_before_data_are_read(weighting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked_job(config_of_run(**weighting))
