"""Data: from corpus files to planned batches.

This module exports the classes that custom components need.
"""

from ner_adv_plugin.data.batching.augmentation import Augmentation, Labelled
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler
from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch, Sentences
from ner_adv_plugin.data.batching.targets import PerCharacter, PerSentence, PerSpan, Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, SpanTable
from ner_adv_plugin.data.lexicon import WordList
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import LabelSpace, Vocabulary

__all__ = [
    "Augmentation",
    "Batch",
    "DataLoader",
    "DatasetReader",
    "EncodedDataset",
    "Instance",
    "LabelSpace",
    "Labelled",
    "MultiTaskEpochSampler",
    "MultiTaskScheduler",
    "PerCharacter",
    "PerSentence",
    "PerSpan",
    "PlannedBatch",
    "Sentences",
    "RunContext",
    "ScoredSpan",
    "Span",
    "SpanTable",
    "Targets",
    "Vocabulary",
    "WordList",
]
