"""Checks of objectives, schedules and encoders against a run as its config describes it."""

from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.runs.config_checks import checked_job
from tests.tiny import DATA, tiny_config

WORDS = str(DATA / "lexicon/words.txt")
LEXICON = {"type": "lexicon", "words": [WORDS]}


@pytest.mark.parametrize(
    ("objective", "path"),
    [
        ({"type": "mmd", "weight": -1}, "weight"),
        ({"type": "domain_adversarial", "weight": -0.5}, "weight"),
        ({"type": "domain_adversarial", "weight": float("nan")}, "weight"),
        (
            {"type": "orthogonality", "schedule": {"type": "constant", "scale": -1}},
            "schedule.scale",
        ),
        (
            {"type": "domain_adversarial", "reversal": {"type": "dann", "scale": -1}},
            "reversal.scale",
        ),
        (
            {"type": "domain_adversarial", "reversal": {"type": "dann", "gamma": -1}},
            "reversal.gamma",
        ),
        (
            {"type": "wasserstein", "reversal": {"type": "linear_warmup", "scale": -1}},
            "reversal.scale",
        ),
    ],
)
def test_weights_and_scales_are_not_negative(objective: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(tiny_config(model__objectives=[objective]))
    assert error.value.path == f"model.objectives.0.{path}"


ADVERSARY = {"type": "domain_adversarial"}
ASYMMETRIC = {"model__type": "asymmetric", "model__objectives": []}


@pytest.mark.parametrize(
    ("settings", "path", "expected"),
    [
        (
            {"trainer__step": {"type": "anchored", "target": "weibo", "auxiliaries": []}},
            "trainer.step.auxiliaries",
            "auxiliary loss, or null for all but the target's",
        ),
        (
            {"model__objectives": [{"type": "distillation", "head": "weibo", "datasets": []}]},
            "model.objectives.0.datasets",
            "dataset, or null for those of the head and those without labels",
        ),
        (
            {"model__objectives": [{**ADVERSARY, "reads": []}]},
            "model.objectives.0.reads",
            "tower, or null for the default",
        ),
        ({"model__head__reads": []}, "model.head.reads", "tower, or null for the default"),
        (
            {"model__heads": {"msra": {"type": "crf", "reads": []}}, "model__head": "crf"},
            "model.heads.msra.reads",
            "tower, or null for the default",
        ),
        (
            {"model__type": "hard_sharing", "model__inputs": {"weibo": []}},
            "model.inputs.weibo",
            'tower, or "encoder"',
        ),
        ({**ASYMMETRIC, "model__sources": {"weibo": []}}, "model.sources.weibo", "source"),
        (
            {**ASYMMETRIC, "model__sources": {}},
            "model.sources",
            'target with its sources, or model "hard_sharing"',
        ),
        ({"trainer__unfreezing": {"groups": [[]]}}, "trainer.unfreezing.groups.0", "regular"),
        ({"trainer__l2_sp": {"alpha": 0.1, "regexes": []}}, "trainer.l2_sp.regexes", "regular"),
        (
            {"trainer__optimizer__parameter_groups": [[[], {"lr": 0.1}]]},
            "trainer.optimizer.parameter_groups.0.0",
            "regular expression",
        ),
        (
            {"trainer__learning_rate_scheduler": {"type": "multi_step", "milestones": []}},
            "trainer.learning_rate_scheduler.milestones",
            "number of finished epochs",
        ),
        (
            {"data_loader__augmentation": {"weibo": []}},
            "data_loader.augmentation.weibo",
            "augmentation",
        ),
    ],
)
def test_lists_with_which_a_component_does_nothing(
    settings: dict[str, Any], path: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"expected at least one {expected}") as error:
        checked_job(tiny_config(**settings))
    assert error.value.path == path


def staged(first: dict[str, Any]) -> dict[str, Any]:
    """Weibo and words of news first, with one of the run's three domains left out; then Weibo."""
    config = with_overrides(tiny_config(), {"dataset_reader.readers.msr.domain": "words"})
    datasets = first.pop("datasets", ["weibo", "msra"])
    none = {"name": "second", "datasets": ["weibo", "msr"], "model": {"objectives": []}}
    return {
        **config,
        "stages": [{"name": "first", "datasets": datasets, "model": {"objectives": [first]}}, none],
    }


def test_alpha_names_the_domains_of_all_stages() -> None:
    alpha = {"social": 0.5, "news": 0.3, "words": 0.2}
    grad = {"type": "domain_adversarial", "loss": {"type": "grad", "alpha": alpha}}
    checked_job(staged(grad))
    del alpha["words"]
    with pytest.raises(ConfigurationError) as error:
        checked_job(staged(grad))
    assert error.value.path == "stages.0.model.objectives.0.loss.alpha.words"


@pytest.mark.parametrize(
    "objective",
    [
        {"type": "mmd"},
        {"type": "coral"},
        {"type": "wasserstein"},
        {"type": "domain_adversarial"},
        {"type": "domain_adversarial", "discriminates": "task"},
    ],
    ids=str,
)
def test_a_stage_of_one_dataset_has_nothing_to_compare(objective: dict[str, Any]) -> None:
    checked_job(staged(dict(objective)))
    with pytest.raises(ConfigurationError, match="needs two .*s or more") as error:
        checked_job(staged({**objective, "datasets": ["weibo"]}))
    assert error.value.path.startswith("stages.0.model.objectives.0")


def test_a_lexicon_inside_a_lexicon_is_refused() -> None:
    pytest.importorskip("ahocorasick")
    inner = {**LEXICON, "encoder": {"type": "character_embedding"}}
    checked_job(tiny_config(model__encoder=inner))
    with pytest.raises(ConfigurationError, match="name the words of both in one") as error:
        checked_job(tiny_config(model__encoder={**LEXICON, "encoder": inner}))
    assert error.value.path == "model.encoder.encoder"
