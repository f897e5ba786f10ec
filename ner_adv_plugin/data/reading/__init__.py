"""Dataset readers: one registered class per file."""

from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.msr import MsrReader
from ner_adv_plugin.data.reading.msra import MsraReader
from ner_adv_plugin.data.reading.multitask import MultiTaskDatasetReader
from ner_adv_plugin.data.reading.people_daily import PeopleDailyReader
from ner_adv_plugin.data.reading.pfr import PfrReader
from ner_adv_plugin.data.reading.sighan_cws import SighanCwsReader
from ner_adv_plugin.data.reading.span_json import SpanJsonReader
from ner_adv_plugin.data.reading.unlabelled import UnlabelledReader
from ner_adv_plugin.data.reading.weibo import WeiboReader

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
