"""Data: from corpus files to planned batches.

This module exports the classes that custom components need. They are imported on first use, so that
prediction without torch can import what stands in this package.
"""

from typing import TYPE_CHECKING

from ner_adv_plugin.common.lazy import lazy_exports

if TYPE_CHECKING:
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
    from ner_adv_plugin.data.label_spaces import LabelSpace
    from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, SpanTable
    from ner_adv_plugin.data.lexicon import WordList
    from ner_adv_plugin.data.reading import DatasetReader
    from ner_adv_plugin.data.vocabulary import Vocabulary

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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Augmentation": "ner_adv_plugin.data.batching.augmentation",
        "Batch": "ner_adv_plugin.data.batching.batch",
        "DataLoader": "ner_adv_plugin.data.batching.loaders",
        "DatasetReader": "ner_adv_plugin.data.reading",
        "EncodedDataset": "ner_adv_plugin.data.batching.encoded_dataset",
        "Instance": "ner_adv_plugin.data.instance",
        "LabelSpace": "ner_adv_plugin.data.label_spaces",
        "Labelled": "ner_adv_plugin.data.batching.augmentation",
        "MultiTaskEpochSampler": "ner_adv_plugin.data.batching.samplers",
        "MultiTaskScheduler": "ner_adv_plugin.data.batching.schedulers",
        "PerCharacter": "ner_adv_plugin.data.batching.targets",
        "PerSentence": "ner_adv_plugin.data.batching.targets",
        "PerSpan": "ner_adv_plugin.data.batching.targets",
        "PlannedBatch": "ner_adv_plugin.data.batching.schedulers.scheduler",
        "RunContext": "ner_adv_plugin.data.checks",
        "ScoredSpan": "ner_adv_plugin.data.labels.spans",
        "Sentences": "ner_adv_plugin.data.batching.schedulers.scheduler",
        "Span": "ner_adv_plugin.data.labels.spans",
        "SpanTable": "ner_adv_plugin.data.labels.spans",
        "Targets": "ner_adv_plugin.data.batching.targets",
        "Vocabulary": "ner_adv_plugin.data.vocabulary",
        "WordList": "ner_adv_plugin.data.lexicon",
    },
)
