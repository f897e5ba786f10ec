"""Data loaders: from encoded rows to batches."""

from ner_adv_plugin.data.batching.loaders.evaluation import evaluation_batches
from ner_adv_plugin.data.batching.loaders.multitask_data_loader import DataLoader, MultiTaskDataLoader

__all__ = ["DataLoader", "MultiTaskDataLoader", "evaluation_batches"]
