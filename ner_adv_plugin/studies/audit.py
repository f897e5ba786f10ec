"""The data audit of a study: no hidden leaks, and the same gold entities for all arms."""

from collections.abc import Mapping
from dataclasses import dataclass

from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.data.corpora.leakage import HeldOutTexts
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.facts import data_of
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

    Scored are the test sets or, if the target has none, the validation sets.

    # Raises

    `UserError` with examples if there are any: an arm with `leakage: 'allow'` that is not declared
    to leak; `ConfigurationError` at `arms.<name>.leaks` if one that is declared has none.
    """
    found = {}
    for name, job in jobs.items():
        data = data_of(job)
        split = "test" if study.target in data.splits.get("test", {}) else "validation"
        held = HeldOutTexts(text for table in data.splits[split].values() for text in table.texts())
        declared = study.arms[name].leaks
        leaks = {
            dataset: [text for text, leak in zip(texts, held.find_in(texts), strict=True) if leak]
            for dataset, table in data.splits["train"].items()
            if (texts := list(table.texts()))
        }
        for dataset, texts in leaks.items():
            if texts and not declared:
                raise UserError(
                    f'arm "{name}": {len(texts)} training sentences of {dataset} hold a {split}'
                    f" sentence, such as {', '.join(repr(text[:40]) for text in texts[:SHOWN])};"
                    ' data_loader.leakage: "drop" leaves them out; `leaks: true` of the arm shows'
                    " what they do"
                )
        if declared and name == study.baseline:
            raise ConfigurationError(
                "expected false: the baseline must not leak", f"arms.{name}.leaks"
            )
        if declared and not any(leaks.values()):
            raise ConfigurationError(
                f"no training sentence of the arm holds a {split} sentence: expected false, or"
                ' data_loader.leakage: "allow"',
                f"arms.{name}.leaks",
            )
        sentences = {
            split: {dataset: len(table) for dataset, table in datasets.items()}
            for split, datasets in data.splits.items()
        }
        found[name] = ArmAudit(sentences, dict(data.leaked))
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
