"""The data audit of a study: no hidden leaks, and the same gold entities for all arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.data.corpora.leakage import HeldOutTexts
from ner_adv_plugin.runs.data import RunData
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.facts import data_of
from ner_adv_plugin.studies.predictions import scored_split
from ner_adv_plugin.studies.study import Study

# Leaked sentences that an error shows.
SHOWN = 3


@dataclass(frozen=True)
class ArmAudit:
    """What was read for an arm, and what was left out of its training data.

    # Parameters

    sentences : sentences by split and dataset, after leaked ones were left out.
    left_out : training sentences of each dataset that hold a validation or test sentence.
    """

    sentences: dict[str, dict[str, int]]
    left_out: dict[str, int]


def audit_arms(study: Study, jobs: Mapping[str, TrainJob]) -> dict[str, ArmAudit]:
    """Read every arm's data and look for scored sentences in what it trains on.

    Scored are the test sets and, if the target has none, the validation sets.

    # Raises

    `UserError` with examples if there are any: an arm with `leakage: 'allow'` that is not declared
    to leak; `ConfigurationError` at `arms.<name>.leaks` if one that is declared has none.
    """
    found = {}
    for name, job in jobs.items():
        data = data_of(job)
        of_target = [one for one, datasets in data.splits.items() if study.target in datasets]
        # Without a test set of the target, those of other datasets count too.
        scored = ["test"] if scored_split(of_target) == "test" else ["validation", "test"]
        leaks = _leaks(data, scored)
        kinds = " or ".join(split for split in scored if data.splits.get(split))
        if study.arms[name].leaks and not leaks:
            raise ConfigurationError(
                f"no training sentence of the arm holds a {kinds} sentence: expected false, or"
                ' data_loader.leakage: "allow"',
                f"arms.{name}.leaks",
            )
        if leaks and not study.arms[name].leaks:
            dataset, texts = next(iter(leaks.items()))
            raise UserError(
                f'arm "{name}": {len(texts)} training sentences of {dataset} hold a {kinds}'
                f" sentence, such as {', '.join(repr(text[:40]) for text in texts[:SHOWN])};"
                ' data_loader.leakage: "drop" leaves them out; `leaks: true` of the arm shows what'
                " they do"
            )
        sentences = {
            split: {dataset: len(table) for dataset, table in datasets.items()}
            for split, datasets in data.splits.items()
        }
        found[name] = ArmAudit(sentences, dict(data.leaked))
    return found


def _leaks(data: RunData, scored: Sequence[str]) -> dict[str, list[str]]:
    """Return the training sentences that hold a sentence of other splits, by dataset if any."""
    held = HeldOutTexts(
        text
        for split in scored
        for table in data.splits.get(split, {}).values()
        for text in table.texts()
    )
    found = {}
    for dataset, table in data.splits["train"].items():
        texts = list(table.texts())
        leaks = [text for text, leak in zip(texts, held.find_in(texts), strict=True) if leak]
        if leaks:
            found[dataset] = leaks
    return found


def check_target(study: Study, jobs: Mapping[str, TrainJob]) -> None:
    """Check that the arms score the target on the same sentences, and that the metric is defined.

    # Raises

    `ConfigurationError` at `arms.<name>`, if an arm's validation or test set of the target differs
    from the baseline's in a sentence or in its gold entities; at `metric`, if it scores a type that
    does not occur in them.
    """
    baseline = data_of(jobs[study.baseline]).splits
    for split in ("validation", "test"):
        expected = baseline.get(split, {}).get(study.target)
        for name, job in jobs.items():
            found = data_of(job).splits.get(split, {}).get(study.target)
            if (found is None) != (expected is None):
                reads, lacks = (name, study.baseline) if found else (study.baseline, name)
                raise ConfigurationError(
                    f'arm "{reads}" has a {split} set of "{study.target}", arm "{lacks}" has none',
                    f"arms.{name}",
                )
            if expected is None or found is None or found is expected:
                continue
            if len(found) != len(expected) or any(
                a.text != b.text or set(a.spans or ()) != set(b.spans or ())
                for a, b in zip(found, expected, strict=True)
            ):
                raise ConfigurationError(
                    f'its {split} set of "{study.target}" has other sentences or other gold'
                    f' entities than that of "{study.baseline}", so that their scores are no pairs',
                    f"arms.{name}",
                )

        if expected is not None and study.metric != "f1":
            types = [] if expected.spans is None else expected.spans.types_used()
            entity_type = study.metric.removeprefix("f1_")
            if entity_type not in types:
                raise ConfigurationError(
                    f'no entity of type "{entity_type}" in the {split} set of "{study.target}".'
                    f"{nearest(entity_type, types)} Types: {', '.join(types) or 'none'}.",
                    "metric",
                )
