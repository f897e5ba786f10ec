"""An arm against the baseline: differences, intervals, p-values and the verdict."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ner_adv_plugin.studies.statistics.hierarchical import crossed_p, hierarchical_interval
from ner_adv_plugin.studies.statistics.scores import Counts, f1_of
from ner_adv_plugin.studies.statistics.seeds import (
    detectable_difference,
    seeds_needed,
    sign_flip_p,
    student_interval,
    student_p,
)
from ner_adv_plugin.studies.statistics.sentences import (
    approximate_randomisation,
    sentence_interval,
)

Interval = tuple[float, float]


class Verdict(StrEnum):
    """Whether an arm helped, compared with the baseline, or trained on what scores it."""

    HELPED = "helped"
    HURT = "hurt"
    UNDECIDED = "undecided"
    LEAKED = "leaked"


@dataclass(frozen=True)
class Comparison:
    """An arm compared with the baseline; all scores are F1 in [0, 1].

    # Parameters

    difference : mean over seeds of the paired difference.
    differences_S : the differences, in the order of the seeds.
    seeds_interval : Student interval over seeds.
    sentences_interval : BCa interval over sentences.
    interval : hierarchical interval over seeds and sentences, for forest plots.
    p_seeds : of Student's test over seeds.
    p_sign_flip : of the exact sign-flip test over seeds.
    p_sentences : of approximate randomisation over sentences.
    p_both : over seeds and sentences, see `crossed_p`.
    p : the largest of `p_seeds`, `p_sentences` and `p_both`: each question must be answered.
    p_holm : `p` after Holm's correction over the arms of the family.
    verdict : see `verdict_of`.
    detectable : smallest difference that so many seeds show with a power of 0.8.
    seeds_for_a_point : seeds that show a difference of 0.01; None if unknown or over 1,000.
    """

    difference: float
    differences_S: tuple[float, ...]
    seeds_interval: Interval
    sentences_interval: Interval
    interval: Interval
    p_seeds: float
    p_sign_flip: float
    p_sentences: float
    p_both: float
    p: float
    p_holm: float
    verdict: Verdict
    detectable: float
    seeds_for_a_point: int | None


def compare_arms(
    baseline_SNC: Counts,
    arms: Mapping[str, Counts],
    rounds: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    leaking: Collection[str] = (),
) -> dict[str, Comparison]:
    """Compare the arms of a family (one size, one budget) with their baseline.

    # Parameters

    baseline_SNC : (S, N, 3) the baseline's counts per seed and sentence.
    arms : counts of the same shape, seeds and sentences in the same order.
    rounds : rounds of the randomisation and resamples of the bootstraps.
    seed : of the random generators.
    level : confidence level of intervals; 1 - level is the level of significance.
    leaking : arms that trained on scored sentences. Their verdict is `LEAKED`; they are no part of
        Holm's correction.

    # Raises

    `ValueError` if the shapes differ, or if F1 is undefined for a seed.
    """
    compared = {
        name: _uncorrected(counts, baseline_SNC, rounds, seed, level)
        for name, counts in arms.items()
    }
    honest = [name for name in compared if name not in leaking]
    corrected = holm([compared[name].p for name in honest])
    for name, p in zip(honest, corrected, strict=True):
        one = replace(compared[name], p_holm=p)
        compared[name] = replace(one, verdict=verdict_of(one, 1 - level))
    for name in leaking:
        one = compared[name]
        compared[name] = replace(one, p_holm=one.p, verdict=Verdict.LEAKED)
    return compared


def verdict_of(comparison: Comparison, significance: float = 0.05) -> Verdict:
    """Decide whether an arm helped.

    It helped (hurt) if the interval over seeds, the interval over sentences and the hierarchical
    interval all exclude 0 on that side, and the largest of their p-values is significant after
    Holm's correction. The first two alone are not enough: each holds fixed what the other varies,
    so that with effects of seeds and of sentences of equal size they both exclude 0 in one of
    eight studies without any effect.
    """
    intervals = (comparison.seeds_interval, comparison.sentences_interval, comparison.interval)
    low, high = min(low for low, _ in intervals), max(high for _, high in intervals)
    if comparison.p_holm > significance or low <= 0 <= high:
        return Verdict.UNDECIDED
    return Verdict.HELPED if low > 0 else Verdict.HURT


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of a family for multiple comparisons (Holm 1979).

    # Examples

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _uncorrected(
    arm_SNC: Counts, baseline_SNC: Counts, rounds: int, seed: int, level: float
) -> Comparison:
    """Compare one arm, as if it were the only one."""
    if np.shape(arm_SNC) != np.shape(baseline_SNC):
        raise ValueError(
            f"expected counts of shape {np.shape(baseline_SNC)} as the baseline's,"
            f" found {np.shape(arm_SNC)}"
        )
    difference_S = f1_of(np.sum(arm_SNC, axis=1)) - f1_of(np.sum(baseline_SNC, axis=1))
    if np.isnan(difference_S).any():
        raise ValueError("F1 is undefined for a seed: nothing gold and nothing predicted")

    p_seeds = student_p(difference_S)
    p_sentences = approximate_randomisation(arm_SNC, baseline_SNC, rounds, seed)
    p_both = crossed_p(arm_SNC, baseline_SNC)
    return Comparison(
        difference=float(difference_S.mean()),
        differences_S=tuple(map(float, difference_S)),
        seeds_interval=student_interval(difference_S, level),
        sentences_interval=sentence_interval(arm_SNC, baseline_SNC, level, rounds, seed),
        interval=hierarchical_interval(arm_SNC, baseline_SNC, level, rounds, seed),
        p_seeds=p_seeds,
        p_sign_flip=sign_flip_p(difference_S, seed),
        p_sentences=p_sentences,
        p_both=p_both,
        p=max(p_seeds, p_sentences, p_both),
        p_holm=1.0,
        verdict=Verdict.UNDECIDED,
        detectable=detectable_difference(difference_S),
        seeds_for_a_point=seeds_needed(difference_S),
    )
