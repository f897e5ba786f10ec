"""The leak audit of a study: no test sentence may stand in any arm's training data."""

from collections.abc import Mapping
from dataclasses import dataclass

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.corpora.leakage import HeldOutTexts
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.facts import data_of

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


def audit_arms(jobs: Mapping[str, TrainJob]) -> dict[str, ArmAudit]:
    """Read every arm's data and look for test sentences in what it trains on.

    # Raises

    `UserError` with examples if there are any: an arm with `leakage: 'allow'`.
    """
    found = {}
    for name, job in jobs.items():
        data = data_of(job)
        held = HeldOutTexts(
            text for table in data.splits.get("test", {}).values() for text in table.texts()
        )
        for dataset, table in data.splits["train"].items():
            texts = list(table.texts())
            leaks = [text for text, leak in zip(texts, held.find_in(texts), strict=True) if leak]
            if leaks:
                raise UserError(
                    f'arm "{name}": {len(leaks)} training sentences of {dataset} hold a test'
                    f" sentence, such as {', '.join(repr(text[:40]) for text in leaks[:SHOWN])};"
                    ' data_loader.leakage: "drop" leaves them out'
                )
        sentences = {
            split: {dataset: len(table) for dataset, table in datasets.items()}
            for split, datasets in data.splits.items()
        }
        found[name] = ArmAudit(sentences, dict(data.leaked))
    return found
