"""Transferability scores against what they are the closed form of."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.studies.ranking.evidence import state_evidence
from ner_adv_plugin.studies.ranking.states import EncodedSample, character_classes
from ner_adv_plugin.studies.ranking.transferability import (
    Floats,
    bayesian_regressions,
    h_score,
    log_me,
    source_scores,
)


def marginal(features_NF: Floats, response_N: Floats, alpha: float, beta: float) -> float:
    """The density of the response with the weights integrated out, per observation."""
    size = len(response_N)
    covariance = np.eye(size) / beta + features_NF @ features_NF.T / alpha
    return float(multivariate_normal(np.zeros(size), covariance).logpdf(response_N)) / size


@pytest.mark.parametrize(("size", "features", "noise"), [(30, 4, 0.5), (12, 20, 1.0), (40, 3, 3.0)])
def test_the_evidence_is_the_maximum_over_a_grid(size: int, features: int, noise: float) -> None:
    rng = np.random.default_rng(size)
    x = rng.normal(size=(size, features))
    y = x[:, 0] - 0.5 * x[:, 1] + noise * rng.normal(size=size)
    (found,) = bayesian_regressions(x, y[:, None])

    assert found.evidence == pytest.approx(marginal(x, y, found.alpha, found.beta), abs=1e-9)
    grid = np.logspace(-3, 3, 31)
    best = max(marginal(x, y, alpha, beta) for alpha in grid for beta in grid)
    assert best <= found.evidence + 1e-9
    assert found.evidence - best < 0.05
    ridge = found.alpha / found.beta * np.eye(features)
    np.testing.assert_allclose(found.weights_F, np.linalg.solve(x.T @ x + ridge, x.T @ y))


def test_features_that_explain_nothing_and_features_that_explain_all() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    x -= x.mean(axis=0)
    noise = rng.normal(size=200)
    noise -= x @ np.linalg.lstsq(x, noise, rcond=None)[0] + noise.mean()
    of_noise, of_itself = bayesian_regressions(x, np.stack([noise, x[:, 0]], axis=1))
    # With weights 0 the evidence is that of noise alone.
    variance = float((noise**2).mean())
    assert of_noise.evidence == pytest.approx(-0.5 * np.log(2 * np.pi * variance) - 0.5, abs=1e-6)
    assert np.abs(of_noise.weights_F).max() < 1e-6
    assert of_itself.evidence > 5 and np.isfinite(of_itself.evidence)


def test_logme_is_the_mean_over_classes_and_ignores_shifts() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 4)) + classes[:, None]
    centred = x - x.mean(axis=0)
    expected = []
    for index in range(3):
        y = (classes == index).astype(float)
        y -= y.mean()
        (one,) = bayesian_regressions(centred, y[:, None])
        expected.append(marginal(centred, y, one.alpha, one.beta))
    assert log_me(x, classes) == pytest.approx(np.mean(expected))
    assert log_me(x + 7, classes) == pytest.approx(np.mean(expected))
    informed, shuffled = log_me(x, classes), log_me(rng.permutation(x), classes)
    assert informed is not None and shuffled is not None and informed > shuffled
    assert log_me(x, np.zeros(60, np.int64)) is None


def test_h_score_is_the_sum_of_squared_canonical_correlations() -> None:
    rng = np.random.default_rng(2)
    classes = rng.integers(0, 4, 80)
    x = rng.normal(size=(80, 5)) + np.eye(5)[classes]
    indicators = np.eye(4)[classes][:, :3]
    bases = [np.linalg.qr(part - part.mean(axis=0))[0] for part in (x, indicators)]
    correlations = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    assert h_score(x, classes) == pytest.approx((correlations**2).sum())
    # A repeated feature adds nothing.
    assert h_score(np.hstack([x, x[:, :1]]), classes) == pytest.approx((correlations**2).sum())
    assert h_score(x, np.zeros(80, np.int64)) is None


def sample(rng: np.random.Generator, direction: int, shift: float, labelled: bool = True):
    """Characters of class 1 are shifted in one direction, sentences by a constant in another."""
    classes = rng.integers(0, 2, 300)
    states = rng.normal(size=(300, 6))
    states[:, direction] += 3 * classes
    sentences = rng.normal(size=(80, 6))
    sentences[:, 5] += shift
    return EncodedSample(states, sentences, [f"c{c}" for c in classes] if labelled else None)


def test_a_source_with_the_target_s_structure_and_domain_is_better() -> None:
    rng = np.random.default_rng(3)
    target = sample(rng, 0, 0.0)
    near = state_evidence(target, sample(rng, 0, 0.0))
    far = state_evidence(target, sample(rng, 1, 8.0))
    for kind in ("logme", "h_score"):
        one, other = near[kind], far[kind]
        assert one is not None and other is not None and one > other
    assert far["a_distance"] == pytest.approx(2.0)
    assert near["a_distance"] is not None and near["a_distance"] < 0.6

    unlabelled = state_evidence(target, sample(rng, 0, 0.0, labelled=False))
    assert unlabelled["logme"] is unlabelled["h_score"] is None
    assert unlabelled["a_distance"] is not None


def test_source_scores_are_standardised_and_point_to_the_class() -> None:
    rng = np.random.default_rng(4)
    one = sample(rng, 0, 0.0)
    assert one.classes is not None
    classes = np.array([name == "c1" for name in one.classes], dtype=np.int64)
    scores = source_scores(one.characters_CD, classes, one.characters_CD)
    assert scores is not None and scores.shape == (300, 2)
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scores.std(axis=0), 1)
    assert ((scores[:, 1] > scores[:, 0]) == classes).mean() > 0.9
    assert source_scores(one.characters_CD, np.zeros(300, np.int64), one.characters_CD) is None


def test_classes_of_characters() -> None:
    assert character_classes(3, []) == ["O", "O", "O"]
    words = [Span(0, 2), Span(2, 3)]
    assert character_classes(3, words) == ["B-", "I-", "B-"]
    nested = [Span(0, 2, "LOC"), Span(0, 3, "ORG"), Span(3, 4, "PER")]
    assert character_classes(5, nested) == ["B-ORG", "I-ORG", "I-ORG", "B-PER", "O"]
