"""Dataset readers: one registered class per file."""

from ner_adv_plugin.data.dataset_readers.conll import ConllReader
from ner_adv_plugin.data.dataset_readers.dataset_reader import DatasetReader
from ner_adv_plugin.data.dataset_readers.entity_reader import EntityReader
from ner_adv_plugin.data.dataset_readers.msr import MsrReader
from ner_adv_plugin.data.dataset_readers.msra import MsraReader
from ner_adv_plugin.data.dataset_readers.multitask import MultiTaskDatasetReader
from ner_adv_plugin.data.dataset_readers.people_daily import PeopleDailyReader
from ner_adv_plugin.data.dataset_readers.pfr import PfrReader
from ner_adv_plugin.data.dataset_readers.sighan_cws import SighanCwsReader
from ner_adv_plugin.data.dataset_readers.span_json import SpanJsonReader
from ner_adv_plugin.data.dataset_readers.unlabelled import UnlabelledReader
from ner_adv_plugin.data.dataset_readers.weibo import WeiboReader

__all__ = [
    "ConllReader",
    "DatasetReader",
    "EntityReader",
    "MsrReader",
    "MsraReader",
    "MultiTaskDatasetReader",
    "PeopleDailyReader",
    "PfrReader",
    "SighanCwsReader",
    "SpanJsonReader",
    "UnlabelledReader",
    "WeiboReader",
]
