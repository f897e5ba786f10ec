"""Transferability scores in closed form: LogME and H-score.

Shape suffixes: N characters, M characters of the source, F features, K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_UPDATES = 1000
TOLERANCE = 1e-8
# Bounds of both precisions, for a response that the features predict exactly, or not at all.
SMALLEST, LARGEST = 1e-12, 1e12
# Relative variance below which a direction of the features is taken as constant.
NO_VARIANCE = 1e-10


@dataclass(frozen=True)
class BayesianRegression:
    """A linear regression with the precisions that maximise its evidence.

    # Parameters

    evidence : log evidence per observation, in nats.
    weights_F : posterior mean of the weights.
    alpha : precision of the prior of the weights.
    beta : precision of the noise.
    """

    evidence: float
    weights_F: Floats
    alpha: float
    beta: float


def bayesian_regressions(features_NF: Floats, responses_NK: Floats) -> list[BayesianRegression]:
    """Maximise the evidence of a Bayesian linear regression of each response on the features.

    The model is w ~ N(0, I / alpha), y ~ N(X w, I / beta). With A = alpha I + beta X'X and
    m = beta A^-1 X'y, the log evidence is

        log p(y) = N/2 log beta + F/2 log alpha - N/2 log(2 pi)
                   - beta/2 |X m - y|^2 - alpha/2 m'm - 1/2 log det A.

    It is maximised by the updates alpha = g / m'm and beta = (N - g) / |X m - y|^2, with g the sum
    of beta s / (alpha + beta s) over the eigenvalues s of X'X (MacKay 1992; You et al. 2021, LogME,
    algorithm 1).

    # Parameters

    features_NF : X; there is no intercept, so centre features and responses.
    responses_NK : y, one in each column; none is 0 everywhere.
    """
    eigenvalues_F, vectors_FF = np.linalg.eigh(features_NF.T @ features_NF)
    projected_FK = vectors_FF.T @ (features_NF.T @ responses_NK)
    has_variance_F = eigenvalues_F > NO_VARIANCE * eigenvalues_F.max(initial=0.0)
    eigenvalues_F = np.where(has_variance_F, eigenvalues_F, 0.0)
    projected_FK[~has_variance_F] = 0.0

    return [
        _regression(eigenvalues_F, vectors_FF, projected_F, float(square), len(features_NF))
        for projected_F, square in zip(projected_FK.T, (responses_NK**2).sum(axis=0), strict=True)
    ]


def _regression(
    eigenvalues_F: Floats,
    vectors_FF: Floats,
    projected_F: Floats,
    square: float,
    observations: int,
) -> BayesianRegression:
    """Maximise the evidence for one response.

    # Parameters

    eigenvalues_F, vectors_FF : of X'X.
    projected_F : X'y in the basis of the eigenvectors.
    square : y'y.
    observations : N.
    """
    # What each direction explains of y'y, and what none can.
    explained_F = np.divide(
        projected_F**2, eigenvalues_F, out=np.zeros_like(projected_F), where=eigenvalues_F > 0
    )
    unexplained = max(square - float(explained_F.sum()), 0.0)

    alpha, beta = 1.0, observations / square
    for _ in range(MOST_UPDATES):
        before = alpha, beta
        shrinkage_F = beta * eigenvalues_F / (alpha + beta * eigenvalues_F)
        effective = float(shrinkage_F.sum())
        alpha = _bounded(effective, _length(shrinkage_F, projected_F, eigenvalues_F))
        beta = _bounded(
            observations - effective,
            unexplained + float((explained_F * (1 - shrinkage_F) ** 2).sum()),
        )
        if np.allclose(before, (alpha, beta), rtol=TOLERANCE, atol=0.0):
            break

    shrinkage_F = beta * eigenvalues_F / (alpha + beta * eigenvalues_F)
    residual = unexplained + float((explained_F * (1 - shrinkage_F) ** 2).sum())
    evidence = 0.5 * (
        observations * np.log(beta / (2 * np.pi))
        - beta * residual
        - alpha * _length(shrinkage_F, projected_F, eigenvalues_F)
        - float(np.log1p(beta * eigenvalues_F / alpha).sum())
    )
    weights_F = vectors_FF @ (beta * projected_F / (alpha + beta * eigenvalues_F))
    return BayesianRegression(float(evidence) / observations, weights_F, alpha, beta)


def _length(shrinkage_F: Floats, projected_F: Floats, eigenvalues_F: Floats) -> float:
    """Return m'm, the squared length of the posterior mean."""
    mean_F = np.divide(
        shrinkage_F * projected_F,
        eigenvalues_F,
        out=np.zeros_like(projected_F),
        where=eigenvalues_F > 0,
    )
    return float((mean_F**2).sum())


def _bounded(numerator: float, denominator: float) -> float:
    return float(np.clip(numerator / max(denominator, SMALLEST**2), SMALLEST, LARGEST))


def log_me(features_NF: Floats, class_N: NDArray[np.int64]) -> float | None:
    """LogME: the log evidence of the classes given the features, mean over classes.

    Each class is a response of its own, 1 at its observations and 0 at others; features and
    responses are centred, in place of an intercept. Larger is better (You et al. 2021, LogME:
    Practical assessment of pre-trained models for transfer learning).

    # Parameters

    features_NF : features of the observations.
    class_N : their classes.

    # Returns

    The score in nats per observation; None with fewer than two classes.
    """
    indicators_NK = _indicators(class_N)
    if indicators_NK.shape[1] < 2:
        return None
    found = bayesian_regressions(_centred(features_NF), _centred(indicators_NK))
    return float(np.mean([one.evidence for one in found]))


def h_score(features_NF: Floats, class_N: NDArray[np.int64]) -> float | None:
    """H-score: tr(cov(f)^-1 cov(E[f | y])), the variance that the classes explain.

    It is 0 if the means of all classes are equal, and at most the smaller of F and K - 1. Larger is
    better (Bao et al. 2019, An information-theoretic approach to transferability). Directions
    without variance are left out, by the pseudo-inverse.

    # Parameters

    features_NF, class_N : see `log_me`.

    # Returns

    The score; None with fewer than two classes.
    """
    indicators_NK = _indicators(class_N)
    if indicators_NK.shape[1] < 2:
        return None
    features_NF = _centred(features_NF)
    means_KF = indicators_NK.T @ features_NF / indicators_NK.sum(axis=0)[:, None]
    between_FF = (means_KF.T * indicators_NK.mean(axis=0)) @ means_KF
    covariance_FF = features_NF.T @ features_NF / len(features_NF)
    inverse_FF = np.linalg.pinv(covariance_FF, rcond=NO_VARIANCE, hermitian=True)
    return float(np.trace(inverse_FF @ between_FF))


def source_scores(
    source_MF: Floats, class_M: NDArray[np.int64], target_NF: Floats
) -> Floats | None:
    """Score the target's characters by a linear tagger of the source, in closed form.

    The tagger has a weight vector for each class of the source: the posterior mean of
    `bayesian_regressions` of its indicator on the encoder's states.

    # Parameters

    source_MF : encoder states of characters of the source.
    class_M : their classes.
    target_NF : encoder states of characters of the target.

    # Returns

    (N, K) scores of the source's classes, each with mean 0 and variance 1; None with fewer than two
    classes.
    """
    indicators_MK = _indicators(class_M)
    if indicators_MK.shape[1] < 2:
        return None
    found = bayesian_regressions(_centred(source_MF), _centred(indicators_MK))
    weights_FK = np.stack([one.weights_F for one in found], axis=1)
    scores_NK = _centred(target_NF) @ weights_FK
    deviation_K = scores_NK.std(axis=0)
    result: Floats = scores_NK / np.where(deviation_K > 0, deviation_K, 1.0)
    return result


def _indicators(class_N: NDArray[np.int64]) -> Floats:
    """Return (N, K) 1 at the class of each observation; K counts the classes that occur."""
    result: Floats = (class_N[:, None] == np.unique(class_N)[None, :]).astype(np.float64)
    return result


def _centred(values_NF: Floats) -> Floats:
    result: Floats = values_NF - values_NF.mean(axis=0)
    return result
