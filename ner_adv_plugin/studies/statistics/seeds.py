"""Would the method help again with other seeds? The unit is the seed; the sentences are fixed."""

from math import ceil, sqrt

import numpy as np
from scipy import stats

from ner_adv_plugin.studies.statistics.scores import Floats

# Sign flips are enumerated up to this number of seeds, and sampled beyond it.
MOST_ENUMERATED = 12
SAMPLED_FLIPS = 10_000


def student_interval(differences_S: Floats, level: float = 0.95) -> tuple[float, float]:
    """Student interval of the mean of paired differences, with S - 1 degrees of freedom.

    # Parameters

    differences_S : (S) differences in F1, one per seed.
    level : confidence level.

    # Returns

    The interval's ends; infinite with a single seed, which says nothing about others.
    """
    seeds = len(differences_S)
    if seeds < 2:
        return -np.inf, np.inf
    half = stats.t.ppf((1 + level) / 2, seeds - 1) * np.std(differences_S, ddof=1) / sqrt(seeds)
    mean = float(np.mean(differences_S))
    return mean - float(half), mean + float(half)


def student_p(differences_S: Floats) -> float:
    """Two-sided p-value of Student's paired test; 1 with a single seed. See `student_interval`."""
    if len(differences_S) < 2:
        return 1.0
    spread, mean = float(np.std(differences_S, ddof=1)), float(np.mean(differences_S))
    if spread <= 1e-12:
        return 1.0 if abs(mean) <= 1e-12 else 0.0
    return float(stats.ttest_1samp(differences_S, 0.0).pvalue)


def sign_flip_p(differences_S: Floats, seed: int = 0) -> float:
    """Two-sided p-value of the sign-flip test of the mean, exact up to 12 seeds.

    # Parameters

    differences_S : (S) differences in F1, one per seed.
    seed : of the random generator that samples flips beyond 12 seeds.

    # Returns

    The share of sign patterns whose mean is as far from 0; never below `smallest_p`.
    """
    values, seeds = np.asarray(differences_S, np.float64), len(differences_S)
    if seeds <= MOST_ENUMERATED:
        bits_RS = (np.arange(2**seeds)[:, None] >> np.arange(seeds)) & 1
        extra = 0
    else:
        bits_RS = np.random.default_rng(seed).integers(0, 2, (SAMPLED_FLIPS, seeds))
        extra = 1
    flipped_R = np.abs((1 - 2 * bits_RS) @ values)
    as_extreme = int((flipped_R >= abs(values.sum()) - 1e-12).sum())
    return (as_extreme + extra) / (len(bits_RS) + extra)


def smallest_p(seeds: int) -> float:
    """Smallest two-sided p-value that the sign-flip test can give with so many seeds."""
    return float(2.0 ** (1 - seeds)) if seeds <= MOST_ENUMERATED else 1 / (1 + SAMPLED_FLIPS)


def detectable_difference(differences_S: Floats, power: float = 0.8) -> float:
    """Smallest difference that S seeds show with the given power at a level of 5 %.

    (t_{.975, S - 1} + t_{power, S - 1}) sd(d) / sqrt(S), see Bouthillier et al. 2021.

    # Parameters

    differences_S : (S) differences in F1, one per seed; their spread is what counts.
    power : probability of finding such a difference.

    # Returns

    A difference in F1; infinite with a single seed.
    """
    if len(differences_S) < 2:
        return float("inf")
    return _detectable(float(np.std(differences_S, ddof=1)), len(differences_S), power)


def seeds_needed(differences_S: Floats, difference: float = 0.01, power: float = 0.8) -> int | None:
    """Seeds that show such a difference in F1 if their spread is that of these.

    # Returns

    2 at least; None with a single seed, or if more than 1,000 are needed.
    """
    if len(differences_S) < 2:
        return None
    spread = float(np.std(differences_S, ddof=1))
    # The normal approximation gives a lower bound to start from.
    quantiles = stats.norm.ppf(0.975) + stats.norm.ppf(power)
    start = max(2, ceil((quantiles * spread / difference) ** 2))
    for seeds in range(start, 1001):
        if _detectable(spread, seeds, power) <= difference:
            return seeds
    return None


def _detectable(spread: float, seeds: int, power: float) -> float:
    quantiles = stats.t.ppf(0.975, seeds - 1) + stats.t.ppf(power, seeds - 1)
    return float(quantiles * spread / sqrt(seeds))
