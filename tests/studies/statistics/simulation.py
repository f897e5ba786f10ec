"""Runs drawn from a known model, and how often the statistics are right about them.

Run as `python -m tests.studies.statistics.simulation --studies 2000`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ner_adv_plugin.studies.statistics import Verdict, compare_arms, f1_of, label_worth
from ner_adv_plugin.studies.statistics.hierarchical import hierarchical_interval
from ner_adv_plugin.studies.statistics.seeds import detectable_difference, student_interval


@dataclass
class World:
    """An evaluation set, and arms whose probability to find an entity follows a logistic model.

    # Parameters

    rng : source of all draws.
    sentences : of the evaluation set.
    interaction : spread of what makes a sentence easier for one arm than for another.
    of_seeds : spread of the effect of a seed.
    """

    rng: np.random.Generator
    sentences: int = 270
    interaction: float = 0.3
    of_seeds: float = 0.1
    gold_N: np.ndarray = field(init=False)
    difficulty_N: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.gold_N = self.rng.poisson(1.5, self.sentences)
        self.difficulty_N = self.rng.normal(0, 1, self.sentences)

    def arm(self) -> np.ndarray:
        """What makes the sentences easier for a new arm: (N)."""
        return self.rng.normal(0, self.interaction, self.sentences)

    def counts(self, effect: float, seeds: int, easier_N: np.ndarray | None = None) -> np.ndarray:
        """Counts of an arm's runs: (S, N, 3)."""
        easier_N = self.arm() if easier_N is None else easier_N
        seed_S1 = self.rng.normal(0, self.of_seeds, (seeds, 1))
        p_SN = 1 / (1 + np.exp(-(0.5 + effect + self.difficulty_N + easier_N + seed_S1)))
        tp_SN = self.rng.binomial(self.gold_N, p_SN)
        fp_SN = self.rng.poisson(0.6 * (1 - p_SN))
        return np.stack([tp_SN, fp_SN, self.gold_N - tp_SN], axis=-1)


@dataclass
class Findings:
    """Shares of simulated studies."""

    decided: float
    student_covers: float
    hierarchical_covers: float


def null_studies(studies: int, seeds: int, interaction: float, of_seeds: float) -> Findings:
    """Studies without an effect: how often a verdict is given, how often intervals hold the truth.

    The Student interval is about other seeds on the same sentences, so its truth is the mean over
    many seeds on these sentences; the hierarchical interval is about both, so its truth is 0.
    """
    decided = student = hierarchical = 0
    for number in range(studies):
        world = World(np.random.default_rng(number), 270, interaction, of_seeds)
        arms = world.arm(), world.arm()
        a, b = (world.counts(0.0, seeds, easier) for easier in arms)
        differences = f1_of(a.sum(1)) - f1_of(b.sum(1))
        low, high = student_interval(differences)
        many = [f1_of(world.counts(0.0, 300, easier).sum(1)).mean() for easier in arms]
        student += low <= many[0] - many[1] <= high
        low, high = hierarchical_interval(a, b, rounds=1000, seed=number)
        hierarchical += low <= 0 <= high
        found = compare_arms(b, {"arm": a}, rounds=400, seed=number)["arm"]
        decided += found.verdict != Verdict.UNDECIDED
    return Findings(decided / studies, student / studies, hierarchical / studies)


def power(studies: int, seeds: int = 5) -> float:
    """Share of studies that show an effect of twice the detectable difference over both units."""
    helped = 0
    for number in range(studies):
        world = World(np.random.default_rng(number), 1000, interaction=0.0, of_seeds=0.1)
        easier = np.zeros(1000)
        pilot = [world.counts(0.0, 200, easier) for _ in range(2)]
        differences = f1_of(pilot[0].sum(1)) - f1_of(pilot[1].sum(1))
        spread = np.std(differences, ddof=1)
        sample = np.concatenate([differences[:1]] * seeds)
        sample = sample - sample.mean() + spread * _unit(seeds)
        wanted = 2 * detectable_difference(sample)
        effect = _effect_for(world, wanted, easier)
        a, b = world.counts(effect, seeds, easier), world.counts(0.0, seeds, easier)
        helped += compare_arms(b, {"arm": a}, rounds=400)["arm"].verdict == Verdict.HELPED
    return helped / studies


def _unit(seeds: int) -> np.ndarray:
    """Numbers of mean 0 and standard deviation 1."""
    values = np.arange(seeds, dtype=float)
    return (values - values.mean()) / np.std(values, ddof=1)


def _effect_for(world: World, wanted: float, easier: np.ndarray) -> float:
    """The effect whose mean difference in F1 is as wanted."""
    low, high = 0.0, 3.0

    def expected(effect: float) -> float:
        p = 1 / (1 + np.exp(-(0.5 + effect + world.difficulty_N + easier)))
        tp, fp = (world.gold_N * p).sum(), (0.6 * (1 - p)).sum()
        return float(2 * tp / (tp + fp + world.gold_N.sum()))

    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) - expected(0) < wanted else (low, middle)
    return low


def label_worth_covers(studies: int, factor: float = 2.0, seeds: int = 5) -> float:
    """Share of studies whose interval holds a planted label worth."""
    sizes, covered = [50, 100, 250, 500, 1000], 0
    for number in range(studies):
        rng = np.random.default_rng(number)
        of_seed_S1 = rng.normal(0, 0.01, (seeds, 1))
        noise = rng.normal(0, 0.01, (2, seeds, len(sizes)))
        baseline = _curve(np.array(sizes)) + of_seed_S1 + noise[0]
        arm = _curve(factor * np.array(sizes)) + of_seed_S1 + noise[1]
        found = label_worth(sizes, baseline, 250, arm[:, 2], rounds=400, seed=number)
        low, high = found.factor_interval
        covered += low <= factor <= high
    return covered / studies


def _curve(size: np.ndarray) -> np.ndarray:
    return 0.75 - 2.0 * size**-0.5


def main() -> Iterator[str]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    for seeds, interaction, of_seeds in (
        (5, 0.3, 0.1),
        (3, 0.3, 0.1),
        (10, 1.0, 0.2),
        (5, 0.0, 0.1),
    ):
        found = null_studies(studies, seeds, interaction, of_seeds)
        yield f"seeds {seeds}, spread of arms {interaction}, of seeds {of_seeds}: {found}"
    yield f"power at twice the detectable difference: {power(studies // 4):.3f}"
    yield f"label worth of 2 within its interval: {label_worth_covers(studies // 4):.3f}"


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
