"""Joining the entity types of several datasets on one head."""

from ner_adv_plugin.data.joining.joining import DatasetTypes, JoinedTypes, join_types
from ner_adv_plugin.data.joining.matching import THRESHOLD, Match
from ner_adv_plugin.data.joining.report import jsonnet, table

__all__ = ["THRESHOLD", "DatasetTypes", "JoinedTypes", "Match", "join_types", "jsonnet", "table"]
