"""Both questions at once: other seeds on other sentences."""

import numpy as np
from scipy import stats

from ner_adv_plugin.studies.statistics.scores import Counts, Floats, f1_of, mean_difference

# Resampled counts drawn at once, to bound memory.
CHUNK = 256


def hierarchical_interval(
    a_SNC: Counts,
    b_SNC: Counts,
    level: float = 0.95,
    rounds: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of the mean difference in F1 over seeds and sentences.

    A resample draws seeds with replacement and, for all of them, sentences with replacement: the
    evaluation set is common to the seeds. With few seeds the plain percentile interval is too
    narrow (Hesterberg 2015, section 5.3), so its distances from the observation are scaled to the
    variance of the crossed design (seeds x sentences) and to the Student quantile, whose degrees
    of freedom follow from the shares of seeds and sentences in that variance (Satterthwaite 1946).

    # Parameters

    a_SNC, b_SNC : (S, N, 3) counts per seed and sentence of two arms.
    level : confidence level.
    rounds : resamples.
    seed : of the random generator.

    # Returns

    The interval's ends; infinite with a single seed.
    """
    a, b = np.asarray(a_SNC, np.float64), np.asarray(b_SNC, np.float64)
    seeds, sentences = a.shape[:2]
    if seeds < 2:
        return -np.inf, np.inf

    observed = float(mean_difference(a.sum(axis=1), b.sum(axis=1)))
    variance, freedom = crossed_variance(a, b)
    drawn_R = _resampled(a, b, rounds, np.random.default_rng(seed))
    spread = float(np.nanstd(drawn_R))
    if variance <= 1e-24 or spread <= 1e-12:
        return observed, observed

    tail = (1 - level) / 2
    quantiles = stats.t.isf(tail, freedom) / stats.norm.isf(tail)
    scale = float(quantiles * np.sqrt(variance) / spread)
    ends = observed + scale * (np.nanquantile(drawn_R, [tail, 1 - tail]) - observed)
    # A difference in F1 is at most 1.
    low, high = np.clip(ends, -1, 1)
    return float(low), float(high)


def crossed_p(a_SNC: Counts, b_SNC: Counts) -> float:
    """Two-sided p-value of the mean difference in F1 over seeds and sentences; 1 with one seed.

    Student's test with the variance and the degrees of freedom of `crossed_variance`.

    # Parameters

    a_SNC, b_SNC : (S, N, 3) counts per seed and sentence of two arms.
    """
    a, b = np.asarray(a_SNC, np.float64), np.asarray(b_SNC, np.float64)
    if len(a) < 2:
        return 1.0
    observed = abs(float(mean_difference(a.sum(axis=1), b.sum(axis=1))))
    variance, freedom = crossed_variance(a, b)
    if variance <= 1e-24:
        return 1.0 if observed <= 1e-12 else 0.0
    return float(2 * stats.t.sf(observed / np.sqrt(variance), freedom))


def crossed_variance(a_SNC: Floats, b_SNC: Floats) -> tuple[float, float]:
    """Variance of the mean difference over seeds and sentences, and its degrees of freedom.

    With components of seeds, of sentences and of their interaction (residual r),
    var = s_seed / S + s_sentence / N + s_r / (S N). The variance of the seeds' differences holds
    the first and the last, the jackknife variance over sentences the second and the last, so the
    last is subtracted once.

    # Parameters

    a_SNC, b_SNC : (S, N, 3) counts per seed and sentence of two arms, S at least 2.
    """
    seeds, sentences = a_SNC.shape[:2]
    a_SC, b_SC = a_SNC.sum(axis=1), b_SNC.sum(axis=1)
    of_seeds = float(np.var(f1_of(a_SC) - f1_of(b_SC), ddof=1)) / seeds

    without_NS = (f1_of(a_SC[:, None] - a_SNC) - f1_of(b_SC[:, None] - b_SNC)).T
    centred_NS = without_NS - np.nanmean(without_NS, axis=0)
    scale = (sentences - 1) / sentences
    of_sentences = scale * float(np.nansum(centred_NS.mean(axis=1) ** 2))
    of_one_seed = scale * float(np.nansum(centred_NS**2)) / seeds
    residual = max(0.0, of_one_seed - of_sentences) / (seeds - 1)

    variance = of_seeds + max(0.0, of_sentences - residual)
    parts = of_seeds**2 / (seeds - 1) + of_sentences**2 / max(1, sentences - 1)
    # The subtraction may leave fewer degrees of freedom than either component has.
    fewest = min(seeds - 1, max(1, sentences - 1))
    return variance, max(fewest, variance**2 / parts) if parts > 0 else fewest


def _resampled(a_SNC: Floats, b_SNC: Floats, rounds: int, rng: np.random.Generator) -> Floats:
    """Mean differences of resamples: (rounds)."""
    seeds, sentences = a_SNC.shape[:2]
    flat_NK = np.stack([a_SNC, b_SNC]).transpose(2, 0, 1, 3).reshape(sentences, -1)
    found = []
    for start in range(0, rounds, CHUNK):
        drawn = min(CHUNK, rounds - start)
        weights_RN = _multiplicities(rng, drawn, sentences)
        sums = (weights_RN @ flat_NK).reshape(drawn, 2, seeds, 3)
        difference_RS = f1_of(sums[:, 0]) - f1_of(sums[:, 1])
        weights_RS = _multiplicities(rng, drawn, seeds)
        found.append((difference_RS * weights_RS).sum(axis=1) / seeds)
    return np.concatenate(found)


def _multiplicities(rng: np.random.Generator, rounds: int, items: int) -> Floats:
    """How often each of the items is drawn in each resample: (rounds, items)."""
    drawn = rng.integers(0, items, (rounds, items)) + items * np.arange(rounds)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=rounds * items)
    return counts.reshape(rounds, items).astype(np.float64)
