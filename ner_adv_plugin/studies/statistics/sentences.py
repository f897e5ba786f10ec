"""Would these models differ on other sentences? The unit is the sentence; the seeds are fixed."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from ner_adv_plugin.studies.statistics.scores import Counts, Floats, f1_of, mean_difference

# Rounds drawn at once, to bound memory.
CHUNK = 512


def approximate_randomisation(
    a_SNC: Counts, b_SNC: Counts, rounds: int = 10_000, seed: int = 0
) -> float:
    """Two-sided p-value of the difference in F1 under random swaps of the arms' sentences.

    The two arms' counts of a sentence are swapped with probability 1/2, in all seeds alike; the
    statistic is the mean over seeds of the difference in F1 (Noreen 1989; Yeh 2000). A swap is
    common to the seeds because the models of different seeds err on the same sentences:
    independent swaps would take S noisy copies of a sentence for S sentences.

    # Parameters

    a_SNC, b_SNC : (S, N, 3) counts per seed and sentence of two arms.
    rounds : swaps drawn, R.
    seed : of the random generator.

    # Returns

    (1 + number of rounds with |T*| >= |T|) / (1 + R).
    """
    a, b = np.asarray(a_SNC, np.float64), np.asarray(b_SNC, np.float64)
    a_SC, b_SC = a.sum(axis=1), b.sum(axis=1)
    change_NK = (b - a).transpose(1, 0, 2).reshape(a.shape[1], -1)
    # A sentence that the two arms answer alike changes nothing when swapped.
    change_NK = change_NK[np.any(change_NK != 0, axis=1)]
    # Rounding must not make a round that repeats the observation look smaller than it.
    observed = abs(mean_difference(a_SC, b_SC)) - 1e-12

    rng = np.random.default_rng(seed)
    as_extreme = 0
    for start in range(0, rounds, CHUNK):
        drawn = min(CHUNK, rounds - start)
        swapped_RN = (rng.random((drawn, len(change_NK))) < 0.5).astype(np.float64)
        moved_RSC = (swapped_RN @ change_NK).reshape(drawn, *a_SC.shape)
        difference_R = mean_difference(a_SC + moved_RSC, b_SC - moved_RSC)
        as_extreme += int((np.abs(difference_R) >= observed).sum())
    return (1 + as_extreme) / (1 + rounds)


def sentence_interval(
    a_SNC: Counts,
    b_SNC: Counts,
    level: float = 0.95,
    rounds: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """BCa bootstrap interval, over sentences, of the mean difference in F1.

    A resample takes the same sentences for both arms and all seeds (Efron 1987).

    # Parameters

    a_SNC, b_SNC : (S, N, 3) counts per seed and sentence of two arms.
    level : confidence level.
    rounds : resamples.
    seed : of the random generator.

    # Returns

    The interval's ends; both 0 if the arms do not differ at all.
    """
    both_NK, seeds = _by_sentence(a_SNC, b_SNC)
    if np.array_equal(a_SNC, b_SNC):
        return 0.0, 0.0
    return _bca(both_NK, lambda sums_xK: _difference(sums_xK, seeds), level, rounds, seed)


def f1_interval(
    counts_NC: Counts, level: float = 0.95, rounds: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """BCa bootstrap interval, over sentences, of the F1 of one model (Efron 1987).

    # Parameters

    counts_NC : (N, 3) counts per sentence, N at least 1.
    level : confidence level.
    rounds : resamples.
    seed : of the random generator.

    # Returns

    The interval's ends; NaN if F1 is undefined.

    # Examples

    >>> low, high = f1_interval(np.array([[1, 0, 0], [0, 1, 1]] * 50))
    >>> 0.35 < low < 0.5 < high < 0.65
    True
    """
    counts_NC = np.asarray(counts_NC, np.float64)
    observed = float(f1_of(counts_NC.sum(axis=0)))
    if np.isnan(observed) or len(np.unique(counts_NC, axis=0)) == 1:
        return observed, observed
    return _bca(counts_NC, f1_of, level, rounds, seed)


def _bca(
    counts_NK: Floats, score: Callable[[Floats], Floats], level: float, rounds: int, seed: int
) -> tuple[float, float]:
    """Interval of a score of the sums of counts over resampled sentences."""

    def statistic(indices: np.ndarray, axis: int = -1) -> Floats:
        return score(counts_NK[indices].sum(axis=axis if axis >= 0 else indices.ndim + axis))

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (np.arange(len(counts_NK)),),
            statistic,
            n_resamples=rounds,
            batch=max(1, CHUNK * 200 // len(counts_NK)),
            confidence_level=level,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    low, high = found.confidence_interval
    if np.isnan(low) or np.isnan(high):
        # BCa is undefined if all resamples lie on one side of the observation.
        tails = [(1 - level) / 2, (1 + level) / 2]
        low, high = np.nanquantile(found.bootstrap_distribution, tails)
    return float(low), float(high)


def _by_sentence(a_SNC: Counts, b_SNC: Counts) -> tuple[Floats, int]:
    """Counts of both arms and all seeds beside one another: (N, 2 * S * 3)."""
    both = np.stack([np.asarray(a_SNC, np.float64), np.asarray(b_SNC, np.float64)])
    return both.transpose(2, 0, 1, 3).reshape(both.shape[2], -1), both.shape[1]


def _difference(sums_xK: Floats, seeds: int) -> Floats:
    sums = sums_xK.reshape(*sums_xK.shape[:-1], 2, seeds, 3)
    return mean_difference(sums[..., 0, :, :], sums[..., 1, :, :])
