"""How many labelled target sentences an arm saves, read off the baseline's learning curve."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log, sqrt

import numpy as np
from scipy import stats
from scipy.optimize import isotonic_regression

from ner_adv_plugin.studies.statistics.scores import Floats

Curve = Callable[[float], float]
# Exponents tried for the power law; for each the other two parameters have a closed form.
EXPONENTS = np.geomspace(0.05, 3.0, 60)


@dataclass(frozen=True)
class LabelWorth:
    """How many target sentences the baseline needs to score as an arm does with n.

    # Parameters

    size : n, the arm's training sentences of the target.
    equivalent : the baseline's sentences; infinite if its whole curve stays below the arm's F1
        ("more than the largest size"), 0 if its whole curve lies above it.
    interval : of `equivalent`, by resampling seeds; its ends may be 0 or infinite, too.
    largest, smallest : sizes between which the curve is known: there is no extrapolation.
    curve : how the baseline's curve was fitted, "isotonic" or "power law".
    """

    size: int
    equivalent: float
    interval: tuple[float, float]
    smallest: int
    largest: int
    curve: str

    @property
    def factor(self) -> float:
        """How many times as many sentences the baseline needs."""
        return self.equivalent / self.size

    @property
    def factor_interval(self) -> tuple[float, float]:
        """Interval of `factor`."""
        return self.interval[0] / self.size, self.interval[1] / self.size


def label_worth(
    sizes_K: Sequence[int],
    baseline_SK: Floats,
    size: int,
    arm_S: Floats,
    level: float = 0.95,
    rounds: int = 2_000,
    seed: int = 0,
) -> LabelWorth:
    """Invert the baseline's learning curve at an arm's F1.

    The curve of mean F1 over log size is fitted monotone: isotonic, or a - b n^-c by least squares
    (b >= 0), whichever has the smaller error on sizes left out one at a time. The interval
    resamples seeds, with the fit chosen anew in each resample; its tails are expanded for few
    seeds (Hesterberg 2015, section 5.3).

    # Parameters

    sizes_K : training sentences of the target, rising.
    baseline_SK : (S, K) the baseline's F1 per seed and size.
    size : the arm's training sentences of the target.
    arm_S : (S) the arm's F1 per seed, in the same order of seeds.
    level : confidence level.
    rounds : resamples of seeds.
    seed : of the random generator.

    # Raises

    `ValueError` if there are fewer than two sizes, or if they do not rise.
    """
    if len(sizes_K) < 2 or any(a >= b for a, b in zip(sizes_K, sizes_K[1:], strict=False)):
        raise ValueError(f"expected two or more rising sizes, found {list(sizes_K)}")
    sizes = np.asarray(sizes_K, np.float64)
    baseline, arm = np.asarray(baseline_SK, np.float64), np.asarray(arm_S, np.float64)
    name = _better_fit(sizes, baseline.mean(axis=0))

    def equivalent(chosen_S: np.ndarray) -> float:
        mean_K = baseline[chosen_S].mean(axis=0)
        curve = FITS[_better_fit(sizes, mean_K)](sizes, mean_K)
        return _inverse(curve, sizes, float(arm[chosen_S].mean()))

    found = equivalent(np.arange(len(arm)))
    if len(arm) < 2:
        return LabelWorth(size, found, (0.0, inf), sizes_K[0], sizes_K[-1], name)
    rng = np.random.default_rng(seed)
    drawn = sorted(equivalent(rng.integers(0, len(arm), len(arm))) for _ in range(rounds))
    quantile = stats.t.ppf((1 + level) / 2, len(arm) - 1) * sqrt(len(arm) / (len(arm) - 1))
    cut = int(stats.norm.sf(quantile) * rounds)
    return LabelWorth(size, found, (drawn[cut], drawn[-1 - cut]), sizes_K[0], sizes_K[-1], name)


def _isotonic(sizes_K: Floats, scores_K: Floats) -> Curve:
    """Return a curve that is monotone and piecewise linear in the logarithm of the size."""
    fitted = isotonic_regression(scores_K).x
    return lambda size: float(np.interp(log(size), np.log(sizes_K), fitted))


def _power_law(sizes_K: Floats, scores_K: Floats) -> Curve:
    """Return the curve a - b n^-c with the least squared error, b >= 0."""
    powers_EK = sizes_K[None, :] ** -EXPONENTS[:, None]
    centred_EK = powers_EK - powers_EK.mean(axis=1, keepdims=True)
    slopes_E = centred_EK @ (scores_K - scores_K.mean()) / (centred_EK**2).sum(axis=1)
    b_E = np.maximum(0.0, -slopes_E)
    a_E = scores_K.mean() + b_E * powers_EK.mean(axis=1)
    errors_E = ((a_E[:, None] - b_E[:, None] * powers_EK - scores_K) ** 2).sum(axis=1)

    best = int(errors_E.argmin())
    a, b, c = float(a_E[best]), float(b_E[best]), float(EXPONENTS[best])
    return lambda size: a - b * float(size) ** -c


FITS: dict[str, Callable[[Floats, Floats], Curve]] = {
    "isotonic": _isotonic,
    "power law": _power_law,
}


def _better_fit(sizes_K: Floats, scores_K: Floats) -> str:
    """Return the fit with the smaller error on sizes left out; isotonic below four sizes."""
    if len(sizes_K) < 4:
        return "isotonic"
    errors = {}
    for name, fit in FITS.items():
        errors[name] = 0.0
        for out in range(len(sizes_K)):
            curve = fit(np.delete(sizes_K, out), np.delete(scores_K, out))
            errors[name] += (curve(sizes_K[out]) - scores_K[out]) ** 2
    return min(errors, key=errors.__getitem__)


def _inverse(curve: Curve, sizes_K: Floats, score: float) -> float:
    """Return the smallest size at which the curve reaches a score, without extrapolation."""
    low, high = float(sizes_K[0]), float(sizes_K[-1])
    if curve(low) > score:
        return 0.0
    if curve(high) < score:
        return inf
    for _ in range(60):
        middle = sqrt(low * high)
        if curve(middle) >= score:
            high = middle
        else:
            low = middle
    return high
