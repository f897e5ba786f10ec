"""Data: from corpus files to planned batches. What follows is what a component of one's own needs."""

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler
from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch, Rows
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary

__all__ = [
    "Batch",
    "DataLoader",
    "DatasetReader",
    "Instance",
    "MultiTaskEpochSampler",
    "MultiTaskScheduler",
    "PlannedBatch",
    "Rows",
    "RunContext",
    "Vocabulary",
]
