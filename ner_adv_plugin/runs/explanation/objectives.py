"""Whether the gradient reversals of a run had any effect."""

from collections.abc import Iterator

from ner_adv_plugin.runs.explanation.record import RunRecord
from ner_adv_plugin.runs.explanation.words import percent

# Objectives with a gradient reversal.
ADVERSARIES = ("conditional_adversarial", "domain_adversarial", "wasserstein")
# A reversed gradient below this share of that of the heads changes nothing.
INERT = 1e-3
# The reversal is weak if a probe still tells domains from each other this often.
TELLS = 0.95


def adversaries(run: RunRecord) -> Iterator[str]:
    """Yield what is wrong with each objective that has a gradient reversal.

    # Parameters

    run : what the folder of a run holds.
    """
    objectives = run.model.get("objectives") or []
    for index, objective in enumerate(objectives):
        name = objective.get("type") if isinstance(objective, dict) else objective
        if name in ADVERSARIES:
            prefix = "" if len(objectives) == 1 else f"objective_{index}_"
            yield from _adversary(run, f"model.objectives.{index}", prefix)


def _adversary(run: RunRecord, path: str, prefix: str) -> Iterator[str]:
    """Judge one objective.

    # Parameters

    run : the run.
    path : the config path of the objective.
    prefix : what its metrics begin with.
    """
    ratio, accuracy, chance = (
        run.metrics.get(f"training_{prefix}{name}")
        for name in ("reversal_ratio", "discriminator_accuracy", "discriminator_chance")
    )
    if ratio is None:
        yield (
            f"{path}: whether the gradient reversal had an effect was not measured. Add the"
            " callback 'reversal_health'."
        )
        return
    if ratio < INERT:
        yield (
            f"{path}: the adversary has no effect, its gradient is {ratio:.0e} of that of the"
            " heads. Raise its weight, or use reversal: { type: 'gradient_share', share: 0.1 }."
        )
        return
    if accuracy is not None and chance is not None and accuracy <= chance:
        yield (
            f"{path}: the discriminator is no better than chance ({percent(accuracy)} %). If the"
            " probe finds the domains, it has collapsed: lower the scale of the reversal, or start"
            " it later (type 'dann')."
        )
    start, end = f"{prefix}probe_", "_accuracy"
    probes = {
        key.removeprefix(start).removesuffix(end): value
        for key, value in run.metrics.items()
        if key.startswith(start) and key.endswith(end)
    }
    for tower, found in probes.items():
        if found > TELLS:
            yield (
                f'{path}: a probe still tells the domains by the tower "{tower}" in'
                f" {percent(found)} % of sentences: the reversal is weak. Raise its weight or"
                " scale, and compare with a run without it."
            )
