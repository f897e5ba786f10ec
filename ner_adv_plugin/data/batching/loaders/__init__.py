"""Data loaders: from encoded sentences to batches."""

from ner_adv_plugin.data.batching.loaders.evaluation import evaluation_batches
from ner_adv_plugin.data.batching.loaders.multitask_data_loader import DataLoader

__all__ = ["DataLoader", "evaluation_batches"]
