"""Error analysis of two arms: the kinds of errors of each, and entities that one alone finds.

An arm is one or more runs (seeds) over the same sentences. Scores are means over its runs.
"""

from ner_adv_plugin.studies.errors.analysis import ErrorAnalysis, TrainingSide, analyse
from ner_adv_plugin.studies.errors.disagreements import Disagreement, disagreements
from ner_adv_plugin.studies.errors.matching import (
    OF_GOLD,
    OF_PREDICTED,
    ErrorClass,
    Match,
    match_entities,
)
from ner_adv_plugin.studies.errors.scores import (
    ArmScores,
    ErrorCounts,
    GroupScores,
    count_errors,
)
from ner_adv_plugin.studies.errors.similarity import bigrams, similarity_terciles

__all__ = [
    "OF_GOLD",
    "OF_PREDICTED",
    "ArmScores",
    "Disagreement",
    "ErrorAnalysis",
    "ErrorClass",
    "ErrorCounts",
    "GroupScores",
    "Match",
    "TrainingSide",
    "analyse",
    "bigrams",
    "count_errors",
    "disagreements",
    "match_entities",
    "similarity_terciles",
]
